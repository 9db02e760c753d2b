"""The language server: findings while one types, documentation under the cursor, fixes at a key. Needs pygls 2."""
