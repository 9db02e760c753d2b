"""KTM404 in graphs of TensorFlow 1: dropout with a number for a rate, where the graph is trained and measured."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

INPUTS = textwrap.dedent(
    """\
    import argparse, numpy as np, tensorflow as tf
    from data import batches, x_test, y_test, xs, ys

    x = tf.placeholder(tf.float32, [None, 4])
    y = tf.placeholder(tf.float32, [None, 2])

    def dense(value, size):
        return tf.matmul(value, tf.get_variable(None, [4, size])) + tf.Variable(tf.zeros([size]))

    """
)
TRAINING = textwrap.dedent(
    """\
    out = tf.nn.softmax(dense(h, 2))
    loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(out), axis=1))
    step = tf.train.AdamOptimizer(0.01).minimize(loss)
    acc = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(out, 1), tf.argmax(y, 1)), tf.float32))
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    """
)
LOOP = "for _ in range(9):\n    sess.run([loss, step], feed_dict={x: xs, y: ys})\n"
SCORE = "print(sess.run(acc, feed_dict={x: x_test, y: y_test}))\n"


def found(source):
    """The lines found in a program that begins with the inputs."""
    program = INPUTS + source
    report = check_source(program, "program.py", Resolver(isolated=True, overrides={"select": ["KTM404"]}))
    return [program.splitlines()[finding.span.start.line - 1].strip() for finding in report.findings]


def program(layer="h = tf.nn.dropout(dense(x, 8), keep_prob=0.7)", training=LOOP, score=SCORE):
    return "".join(f"{textwrap.dedent(part).rstrip()}\n" for part in (layer, TRAINING, training, score))


FOUND = {
    "a probability to keep": program(),
    "a rate": program("h = tf.nn.dropout(dense(x, 8), rate=0.3)"),
    "by position": program("h = tf.nn.dropout(dense(x, 8), 0.5)"),
    "the full spelling": program("h = tf.compat.v1.nn.dropout(dense(x, 8), rate=0.3)"),
    "a number with a name": program("KEEP = 0.7\nh = tf.nn.dropout(dense(x, 8), KEEP)"),
    "in a function": program("def net(value):\n    return tf.nn.dropout(dense(value, 8), 0.7)\nh = net(x)"),
    "scored by a tensor's eval": program(score="acc.eval(session=sess, feed_dict={x: x_test, y: y_test})"),
    "held out, beside the step": program("h = tf.nn.dropout(dense(x, 8), 0.7)", LOOP + "    " + SCORE, ""),
    "held out, by the loss": program(score="sess.run(loss, {x: x_test, y: y_test})"),
    "several at once": program(score="o, a = sess.run([out, acc], feed_dict={x: xs, y: ys})"),
    "by name": program(score="sess.run({'accuracy': acc}, feed_dict={x: xs, y: ys})"),
    "in batches, and averaged": program(
        score="np.mean([sess.run(acc, feed_dict={x: a, y: b}) for a, b in batches(x_test, y_test)])"
    ),
    "in the with of a session": program(
        training="with tf.Session() as s:\n    s.run(step, {x: xs, y: ys})\n    s.run(out, {x: xs})", score=""
    ),
    "a step of gradients": program(
        training="opt = tf.train.AdamOptimizer()\nnext_step = opt.apply_gradients(opt.compute_gradients(loss))\n"
        "sess.run(next_step, {x: xs, y: ys})"
    ),
}


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND)
def test_a_number_in_a_graph_that_is_trained_and_measured_is_found(source):
    (line,) = found(source)
    assert "dropout(" in line


SILENT = {
    "a placeholder": program("keep = tf.placeholder(tf.float32)\nh = tf.nn.dropout(dense(x, 8), keep)"),
    "a placeholder with a default": program(
        "rate = tf.placeholder_with_default(0.0, ())\nh = tf.nn.dropout(dense(x, 8), rate=rate)"
    ),
    "a variable": program("keep = tf.Variable(0.7, trainable=False)\nh = tf.nn.dropout(dense(x, 8), keep)"),
    "a constant tensor, which can be fed": program("keep = tf.constant(0.7)\nh = tf.nn.dropout(dense(x, 8), keep)"),
    "nothing is dropped": program("h = tf.nn.dropout(dense(x, 8), keep_prob=1.0)"),
    "no rate": program("h = tf.nn.dropout(dense(x, 8), rate=0.0)"),
    "a parameter": program("def net(v, keep):\n    return tf.nn.dropout(dense(v, 8), keep)\nh = net(x, 0.7)"),
    "a parameter with a default": program(
        "def net(v, keep=0.7):\n    return tf.nn.dropout(dense(v, 8), keep)\nh = net(x)"
    ),
    "an option": program(
        """\
        parser = argparse.ArgumentParser()
        parser.add_argument("--keep", type=float, default=0.7)
        options = parser.parse_args()
        h = tf.nn.dropout(dense(x, 8), options.keep)
        """
    ),
    "an option with a name": program(
        """\
        parser = argparse.ArgumentParser()
        parser.add_argument("--keep", type=float, default=0.7)
        keep = parser.parse_args().keep
        h = tf.nn.dropout(dense(x, 8), keep)
        """
    ),
    "a number that changes": program(
        "keep = 0.7\nif len(xs) > 9:\n    keep = 1.0\nh = tf.nn.dropout(dense(x, 8), keep)"
    ),
    "a condition of the graph": program(
        "on = tf.placeholder(tf.bool)\nd = dense(x, 8)\nh = tf.cond(on, lambda: tf.nn.dropout(d, 0.7), lambda: d)"
    ),
    "a condition of the program": program(
        "h = dense(x, 8)\nif argparse.training:\n    h = tf.nn.dropout(h, keep_prob=0.7)"
    ),
    "only trained": program(score=""),
    "only measured": program(training="", score="sess.run(h, {x: x_test})").replace("minimize(loss)", "get_name()"),
    "the loss of the training data": program(score="print(sess.run(loss, feed_dict={x: xs, y: ys}))"),
    "another tensor is measured": program(
        "h = d = tf.nn.dropout(dense(x, 8), 0.7)\nplain = tf.argmax(dense(x, 2), 1)",
        score="sess.run(plain, {x: x_test})",
    ),
    "a graph of its own is measured": program(
        "def net(v, drop):\n    v = dense(v, 8)\n    return tf.nn.dropout(v, 0.7) if drop else v\n"
        "h = net(x, True)\nanswer = tf.argmax(net(x, False), 1)",
        score="sess.run(answer, {x: x_test})",
    ),
    "a look at training, beside the step": program(
        training="for i in range(9):\n    sess.run(step, {x: xs, y: ys})\n    print(sess.run(acc, {x: xs, y: ys}))",
        score="",
    ),
    "in the run of the step": program(score="sess.run([acc, step], feed_dict={x: x_test, y: y_test})"),
    "in the run of a step that waits for another": program(
        score="with tf.control_dependencies([step]):\n    train_op = tf.no_op()\n"
        "sess.run([acc, train_op], feed_dict={x: x_test, y: y_test})"
    ),
    "drawn many times": program(score="np.mean([sess.run(out, feed_dict={x: x_test}) for _ in range(50)], axis=0)"),
    "drawn many times, and its spread": program(
        score="draws = []\nfor _ in range(50):\n    draws.append(sess.run(out, feed_dict={x: x_test}))\nnp.std(draws, axis=0)"
    ),
    "Monte Carlo by name": program("def mc_dropout(v):\n    return tf.nn.dropout(dense(v, 8), 0.7)\nh = mc_dropout(x)"),
    "said to be meant": program("# dropout stays on in test too: Monte Carlo\nh = tf.nn.dropout(dense(x, 8), 0.7)"),
    "a generator, whose noise it is": program(
        "def generator(v):\n    return tf.nn.dropout(dense(v, 8), 0.7)\nh = generator(x)"
    ),
    "inputs that are corrupted": program("h = tf.nn.dropout(x, 0.7)"),
    "a function that is run": program(score="class_of = tf.distribute.Strategy()\nclass_of.run(lambda: out)"),
}


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_a_rate_that_may_be_another_one_and_what_is_not_measured_are_left_alone(source):
    assert found(source) == []


def test_the_finding_names_what_is_measured():
    report = check_source(INPUTS + program(), "program.py", Resolver(isolated=True, overrides={"select": ["KTM404"]}))
    (finding,) = report.findings
    assert "where `acc` is computed too" in finding.message
    assert finding.fix is None
