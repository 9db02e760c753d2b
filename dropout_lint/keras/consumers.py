"""What surrounds a prediction: the functions and methods that decide, score, save, average or repeat.

Names are dotted import paths of the libraries themselves (``numpy.argmax``), for Keras the canonical ones
(``keras.ops.argmax``). TensorFlow spells many functions in several places: hand names through ``plain`` first.

Sources: the public names of numpy 2, tensorflow 2.21, jax 0.10, scipy 1.17 and scikit-learn, and what predictions
meet in the code of public repositories.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

Kind = Literal[
    "decision",  # turns scores into an answer
    "score",  # measures predictions
    "saver",  # writes them, or an artefact made of them, to disk
    "response",  # hands them to a caller outside the process
    "display",  # shows them to a person
    "index",  # fits an estimator or a search index on them
    "average",  # centre over passes
    "spread",  # spread over passes
    "extreme",  # largest or smallest: a confidence, a worst case; rarely an aggregate over passes
    "collector",  # puts passes side by side
    "repeat",  # the same rows several times in one batch
    "random",  # draws numbers
]

_COMPATIBILITY_PREFIXES: Final = (
    "tensorflow.compat.v1.",
    "tensorflow.compat.v2.",
    "tensorflow.experimental.numpy.",
    "tf.",
)

_ARRAY_MODULES: Final = ("numpy", "jax.numpy", "keras.ops", "keras.backend", "cupy", "torch")


def plain(dotted: str) -> str:
    """``dotted`` in the shortest spelling TensorFlow, JAX and NumPy offer for the same function.

    ``tensorflow.compat.v1.math.reduce_mean`` is ``tensorflow.reduce_mean``; other names are unchanged.
    """
    for prefix in _COMPATIBILITY_PREFIXES:
        if dotted.startswith(prefix):
            dotted = "tensorflow." + dotted[len(prefix) :]
            break
    if dotted.startswith("tensorflow.math."):
        return "tensorflow." + dotted[len("tensorflow.math.") :]
    if dotted.startswith(("numpy.core.", "numpy.lib.", "jax._src.")):
        return f"{dotted.partition('.')[0]}.{dotted.rpartition('.')[2]}"
    return dotted


def _arrays(*functions: str) -> frozenset[str]:
    return frozenset(f"{module}.{function}" for module in _ARRAY_MODULES for function in functions)


def _tensorflow(*functions: str) -> frozenset[str]:
    return frozenset(f"tensorflow.{function}" for function in functions)


# Turning scores into an answer: inference, unless it sits in a training step's accuracy. softmax decides nothing.
DECISIONS: Final = (
    _arrays(
        "argmax", "argmin", "argpartition", "argsort", "digitize", "greater", "greater_equal", "in_top_k", "less",
        "less_equal", "nanargmax", "nanargmin", "round", "top_k", "topk",
    )
    | _tensorflow(
        "argmax", "argmin", "argsort", "greater", "greater_equal", "image.combined_non_max_suppression",
        "image.non_max_suppression", "image.non_max_suppression_with_scores", "in_top_k", "less", "less_equal",
        "nn.ctc_beam_search_decoder", "nn.ctc_greedy_decoder", "nn.in_top_k", "nn.top_k", "round", "top_k",
    )
    | {
        "jax.lax.top_k", "keras.applications.imagenet_utils.decode_predictions", "keras.backend.ctc_decode",
        "keras.ops.ctc_decode", "numpy.around", "numpy.rint",
    }
)  # fmt: skip

# Drawing a token from the predicted distribution: decoding, although the result is random by intent.
SAMPLED_DECISIONS: Final = frozenset(
    {"jax.random.categorical", "keras.random.categorical", "numpy.random.choice", "numpy.random.multinomial",
     "tensorflow.random.categorical", "tensorflow.multinomial", "random.choices"}
)  # fmt: skip

# A number about the quality of predictions. Everything in these modules is one.
SCORE_PREFIXES: Final = (
    "sklearn.metrics.",
    "torchmetrics.",
    "skimage.metrics.",
    "seqeval.metrics.",
    "lifelines.utils.",
)

# Names under these prefixes that do not score.
_NOT_SCORES: Final = frozenset({"sklearn.metrics.make_scorer", "sklearn.metrics.get_scorer"})

SCORES: Final = frozenset(
    {
        "numpy.corrcoef", "scipy.stats.kendalltau", "scipy.stats.ks_2samp", "scipy.stats.pearsonr",
        "scipy.stats.spearmanr", "scipy.spatial.distance.cdist", "scipy.spatial.distance.cosine",
        "scipy.spatial.distance.euclidean", "nltk.translate.bleu_score.corpus_bleu",
        "nltk.translate.bleu_score.sentence_bleu", "tensorflow.image.psnr", "tensorflow.image.ssim",
        "tensorflow.image.ssim_multiscale", "tensorflow.confusion_matrix",
        "keras.ops.psnr",
    }
)  # fmt: skip

# Predictions that outlive the process, or artefacts made from them (embeddings, thresholds, images).
SAVERS: Final = frozenset(
    {
        "PIL.Image.fromarray", "cv2.imwrite", "imageio.imsave", "imageio.imwrite", "imageio.mimsave",
        "imageio.mimwrite", "imageio.v2.imwrite", "imageio.v2.mimsave", "imageio.v3.imwrite", "jax.numpy.save",
        "jax.numpy.savez", "joblib.dump", "keras.preprocessing.image.array_to_img",
        "keras.preprocessing.image.save_img",
        "keras.utils.array_to_img", "keras.utils.save_img", "matplotlib.image.imsave", "matplotlib.pyplot.imsave",
        "numpy.save", "numpy.savetxt", "numpy.savez", "numpy.savez_compressed", "pandas.DataFrame", "pandas.Series",
        "pickle.dump", "pickle.dumps", "scipy.io.savemat", "scipy.io.wavfile.write", "scipy.sparse.save_npz",
        "skimage.io.imsave", "soundfile.write", "tensorflow.audio.encode_wav", "tensorflow.io.encode_jpeg",
        "tensorflow.io.encode_png", "tensorflow.io.serialize_tensor", "tensorflow.io.write_file",
        "torch.save", "torchvision.utils.save_image",
    }
)  # fmt: skip

# Answers to a caller outside the process.
RESPONSES: Final = frozenset(
    {
        "aiohttp.web.Response", "aiohttp.web.json_response", "django.http.HttpResponse", "django.http.JsonResponse",
        "fastapi.Response", "fastapi.responses.JSONResponse", "flask.Response", "flask.jsonify", "flask.make_response",
        "json.dump", "json.dumps", "orjson.dumps", "quart.jsonify", "rest_framework.response.Response",
        "sanic.response.json", "starlette.responses.JSONResponse", "ujson.dumps", "yaml.dump", "yaml.safe_dump",
    }
)  # fmt: skip

# Shown to a person. Weak evidence: training curves are shown too.
DISPLAYS: Final = frozenset(
    {
        "builtins.print", "print", "cv2.imshow", "gradio.Interface", "matplotlib.pyplot.bar", "matplotlib.pyplot.hist",
        "matplotlib.pyplot.imshow", "matplotlib.pyplot.plot", "matplotlib.pyplot.scatter", "seaborn.heatmap",
        "streamlit.image", "streamlit.write", "tensorflow.print", "tensorflow.summary.image",
    }
)  # fmt: skip

# Estimators and indexes built from embeddings: their input should be reproducible.
INDEX_PREFIXES: Final = (
    "annoy.", "faiss.", "hnswlib.", "sklearn.cluster.", "sklearn.ensemble.", "sklearn.linear_model.",
    "sklearn.neighbors.", "sklearn.svm.", "umap.",
)  # fmt: skip

# Centre over passes: with several stochastic passes, the estimate of MC dropout.
AVERAGES: Final = (
    _arrays("average", "mean", "median", "nanmean", "nanmedian", "nansum", "sum")
    | _tensorflow("add_n", "mean", "reduce_logsumexp", "reduce_mean", "reduce_sum", "sum")
    | {
        "collections.Counter", "jax.lax.pmean", "jax.scipy.special.logsumexp", "keras.layers.Average",
        "keras.layers.average", "keras.ops.logsumexp", "scipy.special.logsumexp", "scipy.stats.gmean",
        "scipy.stats.hmean", "scipy.stats.mode", "scipy.stats.trim_mean", "statistics.fmean", "statistics.mean",
        "statistics.median", "statistics.mode",
    }
)  # fmt: skip

# Spread over passes: computed only by someone who means the passes to differ.
SPREADS: Final = (
    _arrays(
        "cov", "moments", "nanpercentile", "nanquantile", "nanstd", "nanvar", "percentile", "ptp", "quantile", "std",
        "var",
    )
    | _tensorflow("nn.moments", "reduce_std", "reduce_variance", "std", "var")
    | {
        "scipy.stats.bayes_mvs", "scipy.stats.bootstrap", "scipy.stats.entropy", "scipy.stats.iqr",
        "scipy.stats.norm.interval", "scipy.stats.sem", "scipy.stats.t.interval", "scipy.stats.tstd",
        "scipy.stats.tvar", "scipy.stats.variation", "scipy.stats.zscore", "scipy.special.entr", "statistics.pstdev",
        "statistics.pvariance", "statistics.quantiles", "statistics.stdev", "statistics.variance",
        "tensorflow_probability.stats.percentile", "tensorflow_probability.stats.quantiles",
        "tensorflow_probability.stats.stddev", "tensorflow_probability.stats.variance",
    }
)  # fmt: skip

# A confidence or a worst case.
EXTREMES: Final = _arrays("amax", "amin", "max", "min", "nanmax", "nanmin") | _tensorflow(
    "reduce_max", "reduce_min", "max", "min"
)

# Passes put side by side; an aggregate should follow.
COLLECTORS: Final = (
    _arrays(
        "array", "asarray", "column_stack", "concat", "concatenate", "dstack", "hstack", "stack", "vstack",
        "convert_to_tensor",
    )
    | _tensorflow("concat", "convert_to_tensor", "stack")
    | {
        "jax.lax.map", "jax.vmap", "keras.layers.Concatenate", "keras.layers.concatenate", "tensorflow.map_fn",
        "tensorflow.vectorized_map",
    }
)  # fmt: skip

# The same rows several times in one batch: T passes in one call, if the flag is on.
REPEATS: Final = (
    _arrays("broadcast_to", "repeat", "repeat_elements", "tile")
    | _tensorflow("broadcast_to", "repeat", "tile")
    | {"keras.layers.RepeatVector"}
)  # fmt: skip

RANDOM_PREFIXES: Final = (
    "jax.random.", "keras.random.", "numpy.random.", "random.", "tensorflow.random.", "tensorflow.image.random_",
    "tensorflow.image.stateless_random_",
)  # fmt: skip

# Draws outside those modules.
RANDOM_FUNCTIONS: Final = frozenset(
    {
        "keras.backend.random_bernoulli", "keras.backend.random_binomial", "keras.backend.random_normal",
        "keras.backend.random_uniform", "keras.backend.truncated_normal", "tensorflow.random_normal",
        "tensorflow.random_uniform", "tensorflow.truncated_normal", "torch.rand", "torch.randn", "torch.randint",
        "torch.rand_like", "torch.randn_like",
    }
)  # fmt: skip

# Below RANDOM_PREFIXES, yet no draw: seeds, keys and generator objects.
NOT_RANDOM: Final = frozenset(
    {
        "jax.random.PRNGKey", "jax.random.fold_in", "jax.random.key", "jax.random.key_data", "jax.random.split",
        "jax.random.wrap_key_data", "keras.random.SeedGenerator", "numpy.random.Generator", "numpy.random.PCG64",
        "numpy.random.RandomState", "numpy.random.SeedSequence", "numpy.random.default_rng", "numpy.random.get_state",
        "numpy.random.seed", "numpy.random.set_state", "random.Random", "random.getstate", "random.seed",
        "random.setstate", "tensorflow.random.Generator", "tensorflow.random.create_rng_state",
        "tensorflow.random.get_global_generator", "tensorflow.random.set_global_generator",
        "tensorflow.random.set_random_seed", "tensorflow.random.set_seed", "keras.random.dropout",
    }
)  # fmt: skip

# Methods of arrays, tensors, frames, metrics and responses, by the last name of the call.
DECISION_METHODS: Final = frozenset({"argmax", "argmin", "argpartition", "argsort", "round", "topk"})
SCORE_METHODS: Final = frozenset({"update_state", "score", "compute", "compute_score"})
SAVER_METHODS: Final = frozenset(
    {
        "savefig", "to_csv", "to_excel", "to_feather", "to_hdf", "to_json", "to_parquet", "to_pickle", "to_sql",
        "tofile", "write_png", "writerow", "writerows", "create_dataset",
    }
)  # fmt: skip
RESPONSE_METHODS: Final = frozenset({"tolist", "tobytes", "item", "send_json", "send_bytes", "jsonify"})
AVERAGE_METHODS: Final = frozenset({"mean", "median", "sum"})
SPREAD_METHODS: Final = frozenset({"entropy", "percentile", "quantile", "std", "stddev", "var", "variance"})
EXTREME_METHODS: Final = frozenset({"max", "min"})
COLLECTOR_METHODS: Final = frozenset({"append", "extend", "stack"})
REPEAT_METHODS: Final = frozenset({"repeat", "tile", "expand", "broadcast_to"})

_BY_SET: Final[tuple[tuple[Kind, frozenset[str]], ...]] = (
    ("decision", DECISIONS | SAMPLED_DECISIONS),
    ("score", SCORES),
    ("saver", SAVERS),
    ("response", RESPONSES),
    ("display", DISPLAYS),
    ("average", AVERAGES),
    ("spread", SPREADS),
    ("extreme", EXTREMES),
    ("collector", COLLECTORS),
    ("repeat", REPEATS),
    ("random", RANDOM_FUNCTIONS),
)

_KIND_OF_FUNCTION: Final[dict[str, Kind]] = {name: kind for kind, names in reversed(_BY_SET) for name in names}

_BY_METHODS: Final[tuple[tuple[Kind, frozenset[str]], ...]] = (
    ("decision", DECISION_METHODS),
    ("score", SCORE_METHODS),
    ("saver", SAVER_METHODS),
    ("response", RESPONSE_METHODS),
    ("average", AVERAGE_METHODS),
    ("spread", SPREAD_METHODS),
    ("extreme", EXTREME_METHODS),
    ("collector", COLLECTOR_METHODS),
    ("repeat", REPEAT_METHODS),
)

_KIND_OF_METHOD: Final[dict[str, Kind]] = {name: kind for kind, names in reversed(_BY_METHODS) for name in names}


@lru_cache(maxsize=16384)
def function_kind(dotted: str) -> Kind | None:
    """What a function does to a prediction handed to it, by its name in any spelling; None when nothing is known."""
    name = plain(dotted)
    kind = _KIND_OF_FUNCTION.get(name)
    if kind is not None:
        return kind
    if name.startswith(SCORE_PREFIXES):
        return None if name in _NOT_SCORES else "score"
    if name.startswith(INDEX_PREFIXES):
        return "index"
    if name.startswith("keras.applications.") and name.endswith(".decode_predictions"):
        return "decision"
    return "random" if is_random_source(name) else None


def is_random_source(dotted: str) -> bool:
    """Whether calling ``dotted`` draws random numbers or shuffles; seeds, keys and generator objects do not."""
    name = plain(dotted)
    if name in RANDOM_FUNCTIONS:
        return True
    return name.startswith(RANDOM_PREFIXES) and name not in NOT_RANDOM


def method_kind(name: str) -> Kind | None:
    """What the method ``name`` (without the dot) does to the prediction it is called on; None when nothing is known."""
    return _KIND_OF_METHOD.get(name)
