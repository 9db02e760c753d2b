"""What a look at the bytes of a file tells about the findings it can have, without a parser.

A file is worth a parse only if something in it, or in what it imports, could make a rule speak. The words of Keras
alone do not tell: whoever writes layers writes ``training=training`` all day. What tells is where a mode is *chosen*
(``training=True``, a default, an argument by position), a flag is *set* (``.trainable =``), a rate is *out of range*.
Those are the features of an outline. They err on the side of saying yes: what a rule reports always has its feature,
what has a feature is seldom reported.
"""

from __future__ import annotations

import re
from bisect import bisect
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from dropout_lint.keras.foreign import FREEZING_ATTRIBUTES, MODE_ATTRIBUTES, MODULE_METHODS, RATE_ATTRIBUTES
from dropout_lint.keras.layers import LAYERS, augmentation_names, leaking_names, mode_layer_names
from dropout_lint.semantics.words import MODE_WORDS, words

__all__ = ["Outline", "outline_of"]


@dataclass(frozen=True, slots=True)
class Outline:
    """The features of one file, and the functions by which it meets other files."""

    features: frozenset[str]
    makers: frozenset[bytes] = frozenset()
    """Its functions that make objects of classes."""
    called_in_call: frozenset[bytes] = frozenset()
    """The functions defined elsewhere that a ``call`` reaches."""
    rated: dict[bytes, int] = field(default_factory=dict)
    """Its functions and classes that take a rate, and at which position."""
    classes: dict[bytes, tuple[tuple[bytes, ...], str]] = field(default_factory=dict)
    """Its classes: the last names of their bases, and whether their ``call`` is ``told`` the mode or ``deaf``."""

    def has(self, feature: str) -> bool:
        """Whether it has a feature; what is no source of Python has every one."""
        return feature in self.features or "anything" in self.features


_LITERALS = re.compile(
    rb'"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'|("(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')|#[^\n]*',
    re.DOTALL,
)
"""Comments and long texts go, short texts stay: they may be keys and options."""


def _any_of(names: object) -> bytes:
    found = sorted((str(name) for name in names), key=lambda name: (-len(name), name))  # type: ignore[attr-defined]
    return "|".join(map(re.escape, found)).encode()


_FLAGS = frozenset(name.encode() for name in MODE_WORDS)
_VALUE = re.compile(rb"[ \t]*(?::[^=\n]{0,80}?)?=(?!=)[ \t]*([\w.]+)?")
_BOUND_OTHERWISE = re.compile(rb"[\w, \t()]*\sin\b|[ \t]*,[^=\n()]{0,60}=(?!=)")
_FOR = re.compile(rb"\bfor[ \t]+[\w, \t(]*\Z")
_BY_POSITION = re.compile(rb"(?:,|\()\s*(True|False|not\s+[\w.]+)\s*(?=[,)])")
_NO_FLAG_TAKERS = re.compile(
    rb"(?:^|\.)(?:getattr|isinstance|hasattr|print|range|str|len|bool|int|float|append|get|setdefault|pop|assert\w*|"
    rb"skipif|parametrize|convert_to_tensor|constant|where|cast|fill|full)$"
    rb"|^(?:np|numpy|os|ops|jnp|json|math|tf\.(?!keras|function)[\w.]*|torch\.[\w.]+)(?:\.|$)"
)
_ENDS_SIMPLY = frozenset(b",)]};\n\r#")
_MODEL_METHODS = frozenset(
    b"fit predict evaluate compile fit_generator train_on_batch test_on_batch predict_on_batch predict_generator "
    b"evaluate_generator".split()
)
_AUGMENTING = (*sorted(name.encode() for name in augmentation_names()), b"Augment")
_LEAKING = tuple(sorted(name.encode() for name in leaking_names()))
_DEFINITION = re.compile(rb"\n([ \t]*)(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*(?=\()")
_CLASS = re.compile(rb"\n([ \t]*)class[ \t]+(\w+)[ \t]*(?:\(([^)]*)\))?")
_BRACKET = re.compile(rb'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|([()\[\]{}])', re.DOTALL)
_MADE = re.compile(rb"(?<![\w])(?:\w+\.)*_?[A-Z]\w*[ \t]*\(")
_RAISED = re.compile(rb"(?:Error|Exception|Warning|Shape|Spec)[ \t]*\($")
_CALLED = re.compile(rb"(?:(?<![\w.])|(?<=self\.))([a-z_]\w*)[ \t]*\(")
_ATTRIBUTE_SET = re.compile(rb"\.(\w+)[ \t]*(?:(?:[-+*/%&|^]|//|\*\*)?=(?!=)|,(?=[^=\n()]*=(?!=)))")
_CLASS_HANDED_ON = re.compile(rb"(?:partial\(|append\(|[\[{,=:])\s*(?:\w+\.)*([A-Z]\w*)[ \t]*(?=[,)\]}\n])")
_STATEMENT_CALL = re.compile(rb"\n[ \t]*(?:_[ \t]*=[ \t]*)?([A-Za-z_][\w.]*(?:\[[^\]\n]*\])?)[ \t]*\(")
_MODE_LAYERS = tuple(sorted(name.encode() for name in mode_layer_names()))
_KEPT = re.compile(rb"=[ \t]*(?:\w+\.)*(\w+)[ \t]*\(")
_TARGET = re.compile(rb"(?:\A|[^\w.])([A-Za-z_][\w.]*)[ \t]*(?::[^=\n]{0,60})?\Z")
_RANDOM = re.compile(rb"(?:dropout|moments|bernoulli|binomial|rand|randn|sample|normal|uniform)[ \t]*\(")
_OWN_LAYER = re.compile(rb"\bself\.[\w.]*\Z")
_TRAINABLE_SET = re.compile(
    rb"\.trainable[ \t]*(?:=(?!=)|,|:|\bin\b)|[\"']_?trainable[\"']|\.trainable[ \t]*\)|setattr\("
)
_TRAINABLE_GIVEN = re.compile(rb"(?<![\w.])trainable[ \t]*=(?!=)")
_MAKERS_OF_WEIGHTS = re.compile(rb"(?:^|\.|_)(?:add_weight|add_variable|[vV]ariable|get_variable|weight)s?$")
_SURVIVES = re.compile(
    rb"(?i)(?<![a-z])(?:keep|keeping|kept|retain|survival)(?![a-z])|keep_?prob|Keep(?![a-z])|KeepProb"
)
_RATE_WORDS = (
    rb"(?:drop(?:out|ped|ping)?s?(?:_?(?:rates?|prob(?:ability|s)?|p))?\d*|drop_?path(?:_?(?:rates?|prob))?|rates?|"
    rb"prob(?:ability)?|keep(?:_?prob(?:ability)?)?|kept|retain|survival(?:_?(?:rate|prob(?:ability)?))?|std(?:dev)?|"
    rb"noise(?:_?(?:std(?:dev)?|rate|level|scale))?|p)"
)
_RATE_WORD = re.compile(rb"(?i)(?:\A|[._])(?:\w*_)?" + _RATE_WORDS + rb"\Z")
_OTHER_RATE = re.compile(
    rb"(?i)(?:learning|growth|sampl\w*|frame|decay|lr|bit|dilation|refresh|error|data|reduction)_?rates?\Z"
)
_RATE_SET = re.compile(rb"(?i)(?<![\w\"'])([a-z_]\w*)" + rb"[ \t]*(?::[^=\n]{0,60}?)?=(?!=)[ \t]*(-?[\w.]+)?")
_RATE_QUOTED = re.compile(rb"(?i)[\"'](-{0,2})((?:\w*[_-])?" + _RATE_WORDS + rb"(?:[_-]\w*)?)[\"'][ \t]*([:,])")
_RATED = re.compile(rb"[dD]ropout|GaussianNoise")
_RATED_CALL = re.compile(rb"\b(\w*[dD]rop\w*|GaussianNoise\w*)[ \t]*\(")
_NUMBER = re.compile(rb"-?(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+)")
_NO_RATES = frozenset(b"name dtype seed noise_shape trainable training data_format".split())
_NO_RATE_MAKERS = frozenset(b"super add_weight add_variable list tuple dict zip range set get_config".split())
_CONVERTED = re.compile(rb"[ \t]*\([ \t]*([\w.]+)[ \t]*\)")
_EXTERNAL_ROOTS = frozenset(b"np numpy tf keras ops math jnp layers backend random torch".split())


_ANYTHING = Outline(frozenset({"anything"}))
_LARGEST = 1_000_000
_LONGEST_LINE = 4_000


def outline_of(data: bytes) -> Outline:
    """The outline of a Python file with the content ``data``."""
    text = b"\n" + _LITERALS.sub(rb"\1", data)
    if not _is_regular(text):
        return _ANYTHING
    try:
        return _Scan(text).outline()
    except _TooMuchError:
        return _ANYTHING


def _is_regular(text: bytes) -> bool:
    """Whether a text looks like one that a person writes and Python reads: what follows goes by lines and brackets.

    Looking at anything else may take time with the square of its size, or more; the parser tells what it is.
    """
    if len(text) > _LARGEST:
        return False
    code = _SHORT_TEXT.sub(b"", text)
    return (
        all(code.count(one) == code.count(other) for one, other in ((b"(", b")"), (b"[", b"]"), (b"{", b"}")))
        and max(map(len, code.split(b"\n"))) <= _LONGEST_LINE
    )


_SHORT_TEXT = re.compile(rb'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.DOTALL)


_MOST_LOOKS = 2_000
"""Looks round a place that one file is worth, each through up to some thousand bytes; real files take up to 500."""


class _TooMuchError(Exception):
    """A parse costs less than so many looks."""


class _Scan:
    """One file under its outline."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._lowered = text.lower()
        self._features: set[str] = set()
        self._bodies: list[tuple[bytes, int, int, int, int]] | None = None
        self._around: list[tuple[bytes, int, int, int, int]] = []
        self._passed = 0
        self._looks = _MOST_LOOKS
        self._loop_names: dict[bytes, bool] = {}

    def _look(self, cost: int = 1) -> None:
        self._looks -= cost
        if self._looks < 0:
            raise _TooMuchError

    def _is_loop_name(self, name: bytes) -> bool:
        if name not in self._loop_names:
            self._look(1 + len(self._text) // 20_000)
            self._loop_names[name] = _is_loop_name(self._text, name)
        return self._loop_names[name]

    def outline(self) -> Outline:
        text, add = self._text, self._features.add
        self._flags()
        self._toggles()
        if any(name in text for name in _AUGMENTING):
            add("augmentation")
        if any(name in text for name in _LEAKING):
            add("acts-by-default")
        lowered = self._lowered
        if any(word in lowered for word in (b"keep", b"kept", b"retain", b"surviv")) and _SURVIVES.search(text):
            add("keeps")
        if b".compile(" in text and (b"softmax" in lowered or b"sigmoid" in lowered):
            add("compiled-answer")
        makers, called = self._calls() if b"def " in text else (frozenset(), frozenset())
        self._discarded()
        if _TRAINS.search(text) or any(word in text for word in _TAPES):
            add("trains")
        if _TRACES.search(text):
            add("traces")
        if b"def call" in text:
            add("defines-call")
        if any(self._may_be_keras(match.start()) for match in _TORCH.finditer(text)):
            add("torch-method")
        if self._is_active():
            add("active")
        rated, classes = self._rates(), self._classes()
        return Outline(frozenset(self._features), makers, called, rated, classes)

    def _is_active(self) -> bool:
        """Whether it trains, runs or changes a model, or hands something on to what does."""
        text = self._text
        if self._features & _CHOSEN or any(word in text for word in _ACTIVE):
            return True
        if _TOP_LEVEL.search(text) or _USED.search(text):
            return True
        return any(_asks_a_model(name) for name, *_ in self._definitions())

    def _may_be_keras(self, position: int) -> bool:
        """Whether what stands in front of a dot is not certain to come from PyTorch's own libraries."""
        receiver = _RECEIVER.search(self._text, max(0, position - 80), position)
        if receiver is None:
            return True
        made = re.findall(rb"(?<![\w.])" + re.escape(receiver[1]) + rb"[ \t]*=[ \t]*(\w+)[.(]", self._text)
        return not made or not self._from_torch.issuperset({*made} - {receiver[1]})

    @cached_property
    def _from_torch(self) -> frozenset[bytes]:
        """The names that are imported from PyTorch's libraries."""
        names: set[bytes] = set()
        for module, imported in _TORCH_IMPORT.findall(self._text):
            found = re.findall(rb"\w+", re.sub(rb"\w+\s+as\s+", b"", imported))
            names.update(found or {module})
        return frozenset(names)

    # The training flag ----------------------------------------------------------------------------------------

    def _flags(self) -> None:
        text, lowered = self._text, self._lowered
        for word in (b"train", b"learning_phase"):
            position = lowered.find(word)
            while position >= 0:
                start, end = _identifier(lowered, position)
                if lowered[start:end].lstrip(b"_") in _FLAGS:
                    self._flag(start, end)
                position = lowered.find(word, max(end, position + 1))
        if b"True" in text or b"False" in text or b"not " in text:
            for match in _BY_POSITION.finditer(text):
                self._by_position(match.start(1))
                if "flag-by-position" in self._features:
                    break

    def _by_position(self, position: int) -> None:
        self._look()
        kind, callee = _context(self._text, position)
        if kind == "call" and callee and not _NO_FLAG_TAKERS.search(callee):
            self._features.add("flag-by-position")

    def _flag(self, start: int, end: int) -> None:
        """A name like the training flag's."""
        text, add = self._text, self._features.add
        if text[start - 1 : start] in {b'"', b"'", b"-"} and text[end : end + 1] in {b'"', b"'"}:
            add("flag-other")
            add("flag-to-other")
            return
        if text[start - 5 : start].endswith(b"def "):
            add("flag-other")
            return
        match = _VALUE.match(text, end)
        if match is None:
            if _BOUND_OTHERWISE.match(text, end) and (
                _FOR.search(text, max(0, start - 80), start) or text[end : end + 2].lstrip()[:1] == b","
            ):
                add("flag-other")
            elif _next(text, end) in b",)" and "flag-by-position" not in self._features:
                before = text[max(0, start - 60) : start].rstrip(
                    b"abcdefghijklmnopqrstuvwxyz_.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                )
                if before.rstrip()[-1:] in {b",", b"("}:
                    self._by_position(start)
            return
        self._look()
        value = match[1] or b""
        simple = _next(text, match.end()) in _ENDS_SIMPLY
        kind, callee = _context(text, start)
        own_call = kind == "def" and callee in {b"call", b"build"}
        if simple and value == b"None":
            if not own_call:
                add("flag-none")
        elif simple and value in {b"False", b"0"}:
            add("flag-false-default" if kind == "def" else "flag-false")
        elif simple and value == b"True":
            add("flag-true-default" if kind == "def" else "flag-true")
        elif not (simple and value.rpartition(b".")[2].lower().lstrip(b"_") in _FLAGS):
            add("flag-other")
        if own_call and text[start:end] != b"training":
            add("flag-misnamed")
        if kind == "call":
            last = callee.rpartition(b".")[2]
            if last in _MODEL_METHODS or last.lstrip(b"_")[:1].isupper() or not last:
                add("flag-to-other")
            if last in {b"partial", b"dict"} or callee.endswith(b"]"):
                add("flag-to-other")

    # trainable, and attributes ----------------------------------------------------------------------------------

    def _toggles(self) -> None:
        text, add = self._text, self._features.add
        if b"trainable" in text:
            if _TRAINABLE_SET.search(text):
                add("trainable-set")
            if b".trainable" in text and re.search(rb"\.trainable\s*(?:==|is\b|!=)", text):
                add("trainable-compared")
            for match in _TRAINABLE_GIVEN.finditer(text):
                self._look()
                kind, callee = _context(text, match.start())
                if kind == "call" and not _MAKERS_OF_WEIGHTS.search(callee):
                    add("trainable-given")
                    break
        for match in _ATTRIBUTE_SET.finditer(text):
            name = match[1]
            own = _SELF.search(text, max(0, match.start() - 6), match.start()) is not None
            function = self._function_at(match.start()) if own else None
            if name in _OWN_ATTRIBUTES and function not in {b"__init__", b"build", b"call"}:
                add("mode-attribute")
            if _is_slip(name):
                add("trainable-misspelt")
            if not own or function not in {b"__init__", b"build", None}:
                add("late")
        if b"setattr(" in text:
            add("late")
            add("mode-attribute")

    def _function_at(self, position: int) -> bytes | None:
        """The innermost function at a position; positions are asked for in order."""
        definitions = self._definitions()
        while self._passed < len(definitions) and definitions[self._passed][1] <= position:
            self._around.append(definitions[self._passed])
            self._passed += 1
        while self._around and self._around[-1][3] <= position:
            self._around.pop()
        return self._around[-1][0] if self._around else None

    # Functions and what they call -------------------------------------------------------------------------------

    def _definitions(self) -> list[tuple[bytes, int, int, int, int]]:
        """Every function: its name, where it starts, where its signature and its body end, its indentation."""
        if self._bodies is None:
            self._bodies = []
            text = self._text
            for match in _DEFINITION.finditer(text):
                self._look()
                signature = _closing(text, match.end())
                indentation = len(match[1])
                following = _dedent(indentation).search(text, signature)
                end = following.start() if following is not None else len(text)
                self._bodies.append((match[2], match.start() + 1, signature, end, indentation))
        return self._bodies

    def _calls(self) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """The functions that make objects, and those from elsewhere that a ``call`` reaches."""
        text, add = self._text, self._features.add
        makers: set[bytes] = set()
        random: set[bytes] = set()
        calls: dict[bytes, set[bytes]] = {}
        names = {name for name, *_ in self._definitions()}
        layers = b"call" in names
        for name, start, signature, end, _ in self._definitions():
            body = text[signature:end]
            if layers:
                if any(not _RAISED.search(each.group()) for each in _MADE.finditer(body)):
                    makers.add(name)
                calls.setdefault(name, set()).update(_CALLED.findall(body))
            if _draws(body):
                random.add(name)
            if name == b"call" and re.search(rb"(?i)\b_*(?:mode|phase)\b", text[start:signature]):
                add("flag-misnamed")
        reached: set[bytes] = set()
        waiting = [b"call"]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(calls.get(name, ()))
        if not layers:
            reached = set()
        if not makers.isdisjoint(reached - {b"__init__", b"build"}):
            add("made-in-call")
        if any(each[1].decode("ascii", "replace") in LAYERS for each in _CLASS_HANDED_ON.finditer(text)):
            # a class by another name: what is called may be its constructor
            add("made-in-call")
            add("flag-to-other")
        if not random.isdisjoint(reached) or ((b"Lambda" in text or b"dropout" in text) and _draws(text)):
            add("random")
        if b"__call__" in names:
            add("call-operator")
        if b".call" in text and _PAST_KERAS.search(text):
            add("call-bypassed")
            add("flag-none")
        # a function in one module may be made of classes without being one that has a `call`
        if not layers:
            makers = {
                name
                for name, _, signature, end, _ in self._definitions()
                if any(not _RAISED.search(each.group()) for each in _MADE.finditer(text[signature:end]))
            }
        return frozenset(makers), frozenset(reached - names)

    def _classes(self) -> dict[bytes, tuple[tuple[bytes, ...], str]]:
        """The classes with their bases, and whether Keras cannot tell their ``call`` the mode."""
        text = self._text
        found: dict[bytes, tuple[tuple[bytes, ...], str]] = {}
        headers = [(each.start(), each[2], each[3] or b"") for each in _CLASS.finditer(text)]
        calls: dict[int, str] = {}
        for name, start, signature, _, _ in self._definitions():
            if name == b"call":
                decorated = text[:start].rstrip().rpartition(b"\n")[2].strip().startswith(b"@")
                told = b"training" in text[start:signature] and not decorated
                number = bisect(headers, (start,)) - 1
                calls[number] = "told" if told else "deaf"
        for number, (_, name, bases) in enumerate(headers):
            last = tuple(base.strip().rpartition(b".")[2] for base in bases.split(b",") if b"=" not in base)
            found[name] = (last, calls.get(number, ""))
        return found

    # Results nobody reads ---------------------------------------------------------------------------------------

    def _discarded(self) -> None:
        text, add = self._text, self._features.add
        names: set[bytes] = set()
        for match in _KEPT.finditer(text):
            if _is_mode_layer(match[1]):
                target = _TARGET.search(text, max(0, match.start() - 120), match.start())
                if target is not None:
                    names.add(target[1])
                    if b"." not in target[1] and self._is_unread(target[1], match.start()):
                        add("discarded")
                        return
        for match in _STATEMENT_CALL.finditer(text):
            callee = match[1]
            last = callee.rpartition(b".")[2]
            if (
                callee in names
                or callee.endswith(b"]")
                or self._is_own_part(callee)
                or (last[:1].isupper() and _is_mode_layer(last))
            ):
                add("discarded")
                return
            if b"." not in callee and callee not in _NO_LAYERS and self._is_loop_name(callee):
                add("discarded")
                return
            if last[:1].isupper():
                self._look()
                end = _closing(text, match.end() - 1)
                if text[end : end + 1] == b"(":
                    add("discarded")
                    return
        if names or b"def call" in text:
            names.add(b"self.")
            for match in re.finditer(
                rb"\n[ \t]+([A-Za-z]\w*)[ \t]*=[ \t]*(?:" + _any_bytes(names) + rb")\w*[ \t]*\(", text
            ):
                if self._is_unread(match[1], match.start(1)):
                    add("discarded")
                    return

    def _is_own_part(self, callee: bytes) -> bool:
        """Whether what is called is kept by the object, and no method in sight."""
        own, _, name = callee.partition(b".")
        if own != b"self" or b"." in name or name in _OWN_METHODS or name.startswith((b"add_", b"set_", b"_")):
            return False
        self._look(1 + len(self._definitions()) // 100)
        return all(name != each for each, *_ in self._definitions()) and b"def call" in self._text

    def _is_unread(self, name: bytes, position: int) -> bool:
        self._look(1 + len(self._definitions()) // 100)
        for _, start, _, end, _ in self._definitions():
            if start <= position < end:
                return not re.search(rb"(?<![\w.])" + name + rb"\b(?!\s*=[^=])", self._text[start:end])
        return False

    # Rates ------------------------------------------------------------------------------------------------------

    def _rates(self) -> dict[bytes, int]:
        text, add = self._text, self._features.add
        rated: dict[bytes, int] = {}
        local: set[bytes] = set()
        for match in _RATED_CALL.finditer(text):
            self._look()
            arguments = _arguments(text, match.end() - 1)
            layer = match[1].lstrip(b"_")[:1].isupper()
            for place, argument in enumerate(arguments[:3]):
                keyword = _is_keyword(argument)
                name, _, given = argument.partition(b"=") if keyword else (b"", b"", argument)
                if name.strip() in _NO_RATES or (place == 0 and not layer and not keyword):
                    continue
                kind = _rate_kind(given)
                if kind == "name":
                    local.add(given.strip().rpartition(b".")[2])
                elif kind == "bad" and (keyword or place == (0 if layer else 1)):
                    add("rate")
        for match in _RATE_SET.finditer(text):
            name = match[1]
            if name not in local and (not _RATE_WORD.search(name) or _OTHER_RATE.search(name)):
                continue
            value = match[2] or b""
            simple = _next(text, match.end()) in _ENDS_SIMPLY or match.end() >= len(text)
            if not simple:
                root, _, _ = value.partition(b".")
                last = value.rpartition(b".")[2]
                called = _next(text, match.end()) == ord("(")
                if called and (root in _EXTERNAL_ROOTS or last[:1].isupper() or last in _NO_RATE_MAKERS):
                    continue
                converted = _CONVERTED.match(text, match.end()) if value == b"float" else None
                if converted is not None and _rate_kind(converted[1]) != "bad":
                    continue
                add("rate")
            elif _rate_kind(value) == "bad":
                add("rate")
        for match in _RATE_QUOTED.finditer(text):
            rest = text[match.end() : match.end() + 200]
            rest = re.split(rb"\n[ \t]*[\"']|\)", rest, maxsplit=1)[0]
            numbers = _NUMBER.findall(rest) if match[3] == b"," else _NUMBER.findall(re.split(rb"[,}\n]", rest)[0])
            if match[1] or any(not _in_range(number) for number in numbers):
                add("rate")
        classes = list(_CLASS.finditer(text))
        starts = [each.start() for each in classes]
        if any(_RATED.search(base) for each in classes for base in (each[3] or b"").split(b",")):
            # a layer of the project that takes a rate under any name
            add("rate")
        for name, start, signature, _, _ in self._definitions():
            self._look()
            parameters = _arguments(text, text.find(b"(", start, signature + 1))
            own = name
            if name == b"__init__":
                number = bisect(starts, start) - 1
                own = classes[number][2] if number >= 0 else name
            if parameters and parameters[0].strip() in {b"self", b"cls"}:
                parameters = parameters[1:]
            for position, parameter in enumerate(parameters):
                if parameter.strip().startswith(b"*"):
                    break
                bare = re.split(rb"[:=]", parameter, maxsplit=1)[0].strip()
                if _RATE_WORD.search(bare) or bare in local:
                    rated.setdefault(own, position)
                    break
        return rated


def hands_rate_by_position(data: bytes, rated: dict[bytes, int]) -> bool:
    """Whether a file calls one of the functions with something odd in the place of the rate."""
    if not rated:
        return False
    text = b"\n" + _LITERALS.sub(rb"\1", data)
    for match in _calls_of(frozenset(rated)).finditer(text):
        if match[1]:
            continue
        arguments = _arguments(text, match.end() - 1)
        position = rated[match[2]]
        handed = arguments[position : position + 3]
        if any(each.strip().startswith(b"*") for each in arguments):
            return True
        if (
            handed
            and not _is_keyword(handed[0])
            and any(_rate_kind(each) == "bad" for each in handed if not _is_keyword(each))
        ):
            return True
    return False


@lru_cache(maxsize=256)
def _calls_of(names: frozenset[bytes]) -> re.Pattern[bytes]:
    return re.compile(rb"(\b(?:def|class)[ \t]+)?(?<!\w)(" + _any_bytes(names) + rb")[ \t]*\(")


def _any_bytes(names: object) -> bytes:
    found = sorted(names, key=lambda name: (-len(name), name))  # type: ignore[call-overload]
    return b"|".join(map(re.escape, found)) or rb"(?!)"


_CHOSEN = frozenset({"flag-true", "flag-other", "flag-false", "flag-by-position", "trainable-set"})
_ACTIVE = (
    b"GradientTape", b"train_step", b"test_step", b"predict_step", b"value_and_grad", b"jax.grad", b".gradients(",
    b"minimize(", b".backward(", b"load_model", b"Checkpoint", b"model_fn", b"add_endpoint", b"\nif __name__",
    b"\nfor ", b"\nwhile ", b"\nwith ",
)  # fmt: skip
_USED = re.compile(
    rb"\.(?:fit|predict|evaluate|compile|export|save|save_weights|load_weights|set_weights|predict_\w+|test_on_batch|"
    rb"train_on_batch|\w+_generator)[ \t]*\("
)
_TRAINS = re.compile(rb"\.(?:fit|predict|evaluate|compile|\w+_on_batch|\w+_generator)[ \t]*\(")
_TAPES = (b"GradientTape", b"_step", b"value_and_grad", b"jax.grad", b".gradients(", b"minimize(", b".backward(")
_TRACES = re.compile(
    rb"\.(?:fit|predict|evaluate|\w+_on_batch|\w+_generator)[ \t]*\(|\bfunction\b|\bjit\b|Callback|\bon_\w+"
)
_TOP_LEVEL = re.compile(rb"\n[A-Za-z_][\w.]*\(")
_NO_LAYERS = frozenset(b"print super setattr getattr raise return assert".split())
_PAST_KERAS = re.compile(rb"(?<!super\(\))(?<!\bsuper)\.call[ \t]*\(")
_OWN_ATTRIBUTES = frozenset(name.encode() for name in MODE_ATTRIBUTES | FREEZING_ATTRIBUTES | RATE_ATTRIBUTES)
_OWN_METHODS = frozenset(
    b"add build compile fit save summary load_weights save_weights update_state reset_state reset_states append "
    b"built assign".split()
)
_RECEIVER = re.compile(rb"(?:\A|[^\w.)\]])(\w+)\Z")
_TORCH_IMPORT = re.compile(
    rb"\n[ \t]*(?:from|import)[ \t]+(torch|torchvision|transformers|timm|diffusers|open_clip|sentence_transformers|"
    rb"pytorch_lightning|lightning|fairseq|peft)\b[\w.]*(?:[ \t]+import[ \t]+(\([^)]*\)|[^\n]*))?"
)
_SELF = re.compile(rb"(?<![\w.])self\Z")
_TORCH = re.compile(rb"\.(?:" + _any_of(MODULE_METHODS) + rb")[ \t]*\(")


def _is_loop_name(text: bytes, callee: bytes) -> bool:
    return (
        b"." not in callee
        and re.search(rb"\bfor\s+(?:[\w, \t(]*\W)?" + re.escape(callee) + rb"\b[\w, \t)]*\sin\b", text) is not None
    )


def _draws(text: bytes) -> bool:
    """Whether a function that drops, draws or normalises is called, rather than a layer of the class."""
    return any(
        not _OWN_LAYER.search(text, max(0, match.start() - 60), match.start()) for match in _RANDOM.finditer(text)
    )


@lru_cache(maxsize=16384)
def _asks_a_model(name: bytes) -> bool:
    """Whether a function is called like one that trains a model or asks it for something."""
    return not _ASKING.isdisjoint(words(name.decode("ascii", "replace")))


_ASKING = frozenset(
    {
        "accuracy", "act", "backprop", "caption", "classify", "decode", "demo", "detect", "distill", "embed", "eval",
        "evaluate", "evaluates", "evaluation", "experiment", "export", "extract", "finetune", "fit", "forecast",
        "generate", "grad", "gradient", "gradients", "infer", "inference", "infers", "learn", "loss", "main",
        "measure", "optimize", "predict", "predictions", "predicts", "pretrain", "recognize", "recommend", "run",
        "sample", "score", "scoring", "serve", "serving", "step", "test", "tests", "train", "training", "trains",
        "transcribe", "translate", "update", "val", "valid", "validate", "validates", "validation",
    }
)  # fmt: skip


@lru_cache(maxsize=16384)
def _is_mode_layer(name: bytes) -> bool:
    return any(each in name for each in _MODE_LAYERS)


def _identifier(text: bytes, position: int) -> tuple[int, int]:
    """Where the identifier round a position begins and ends."""
    start = position
    while start and (text[start - 1] in _WORD):
        start -= 1
    found = _REST.match(text, position)
    return start, found.end() if found is not None else position


_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_REST = re.compile(rb"\w+")


@lru_cache(maxsize=16384)
def _is_slip(name: bytes) -> bool:
    lowered = name.lower()
    if not 7 <= len(name) <= 14 or b"t" not in lowered or (b"abl" not in lowered and b"rain" not in lowered):
        return False
    from dropout_lint.rules.trainable_comparison import is_misspelt

    return is_misspelt(name.decode())


@lru_cache(maxsize=64)
def _dedent(indentation: int) -> re.Pattern[bytes]:
    return re.compile(rb"\n[ \t]{0,%d}(?=[^\s#)\]}])" % indentation)


def _next(text: bytes, position: int) -> int:
    while position < len(text) and text[position] in b" \t":
        position += 1
    return text[position] if position < len(text) else 10


def _closing(text: bytes, opening: int) -> int:
    """The position behind the bracket that closes the one at ``opening``."""
    depth = 0
    for match in _BRACKET.finditer(text, opening):
        bracket = match[1]
        if not bracket:
            continue
        depth += 1 if bracket in b"([{" else -1
        if depth <= 0:
            return match.end()
    return len(text)


_LONGEST_ARGUMENTS = 6_000


def _context(text: bytes, position: int) -> tuple[str, bytes]:
    """What encloses a position: the signature of a function, a call, another bracket or none; and whose."""
    depth = 0
    first = max(0, position - _LONGEST_ARGUMENTS)
    index = position - 1
    while index >= first:
        byte = text[index]
        if byte in b")]}":
            depth += 1
        elif byte in b"([{":
            if depth:
                depth -= 1
            elif byte != 40:
                return "bracket", b""
            else:
                head = _HEAD.search(text, max(0, index - 200), index)
                if head is None:
                    return "call", b""
                return ("def", head[2]) if head[1] else ("call", head[2])
        elif byte == 10 and not depth and _STATEMENT.match(text, index + 1):
            return "none", b""
        index -= 1
    return "none", b""


_HEAD = re.compile(rb"(\bdef[ \t]+)?([\w.]*[\])]?)[ \t]*\Z")
_STATEMENT = re.compile(rb"[ \t]*(?:(?:class|return|with|while|elif|import|from|try|raise|assert)\b|@)")


def _arguments(text: bytes, opening: int) -> list[bytes]:
    """What stands between a bracket and its end, split at its commas."""
    found: list[bytes] = []
    depth, start = 0, opening + 1
    for match in _SPLIT.finditer(text, opening):
        mark = match[1]
        if not mark:
            continue
        if mark in b"([{":
            depth += 1
        elif mark in b")]}":
            depth -= 1
            if depth <= 0:
                last = text[start : match.start()]
                return [*found, last] if last.strip() else found
        elif depth == 1:
            found.append(text[start : match.start()])
            start = match.end()
        if match.end() - opening > _LONGEST_ARGUMENTS:
            break
    return found


_SPLIT = re.compile(rb'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|([()\[\]{},])', re.DOTALL)
_KEYWORD = re.compile(rb"\s*\w+\s*=(?!=)")


def _is_keyword(argument: bytes) -> bool:
    return _KEYWORD.match(argument) is not None


def _rate_kind(value: bytes) -> str:
    """``good`` for a number in range or what is none, ``name`` for another name, ``bad`` for all else."""
    value = value.strip()
    if value in {b"None", b"", b"False"}:
        return "good"
    if _NUMBER.fullmatch(value):
        return "good" if _in_range(value) else "bad"
    if re.fullmatch(rb"[A-Za-z_][\w.]*", value):
        return "bad" if value == b"True" else "good" if _RATE_WORD.search(value.rpartition(b".")[2]) else "name"
    return "bad"


def _in_range(number: bytes) -> bool:
    try:
        return 0 <= float(number) < 1
    except ValueError:
        return False
