"""No file but those of the operator table lists operators: what holds for several of them is a trait, a role or a
callback of their entries (src/graph/operator.h). One name may stand where one operator is recognised or made.

    test_lists.py FOVEA SOURCE"""
import re
import subprocess
import sys
from pathlib import Path


def operators(fovea):
    lines = subprocess.run([fovea, "ops"], check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[1] for line in lines if line and line.split()[0] in ("ai.onnx", "com.microsoft", "TRT", "mmdeploy", "custom")}


def lists(text, names):
    """Tables and expressions that name several operators, and comparisons of a node's type as text."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.S)
    found = []
    for row in re.finditer(r"=\s*\{([^;]*?)\};", text, flags=re.S):
        if len({word for word in re.findall(r'"(\w+)"', row[1]) if word in names}) > 1:
            found.append(row)
    for statement in re.finditer(r"[^;{}]+", text):
        asked = re.findall(r'\bmatch_(?:operator|producer|settings)\(\s*([^,"]+?)\s*,\s*"\w+"\s*\)', statement[0])
        if "||" in statement[0] and len(asked) > len(set(asked)):
            found.append(statement)
    for compared in re.finditer(r'str(?:n?cmp|str)\([^;"]*?op_type[^;"]*"(\w+)"', text):
        if any(name.startswith(compared[1]) for name in names):
            found.append(compared)
    return [text.count("\n", 0, each.start() + len(each[0]) - len(each[0].lstrip())) + 1 for each in found]


def main():
    names = operators(sys.argv[1])
    source = Path(sys.argv[2])
    assert len(names) > 150 and lists('static const char *names[] = {"Conv",\n "Gemm"};', names) == [1]
    assert lists('a = match_operator(node, "Add") || match_operator(node, "Sum");', names) == [1]
    assert lists('\nif (strcmp(node->op_type, "Add") == 0)', names) == [2]
    assert lists('if (strncmp(node->op_type, "QLinear", 7) == 0)', names)
    assert not lists('if (strcmp(node->op_type, "ConvInputGradient") == 0)', names)  # of our own execution graphs
    assert not lists('a = match_operator(x, "Add") || match_operator(y, "Sum"); b[] = {"softmax", "none"};', names)
    wrong = [f"{path.relative_to(source)}:{line}" for path in sorted(source.rglob("*.[ch]"))
             if path.relative_to(source).parts[0] != "op" for line in lists(path.read_text(), names)]
    if wrong:
        sys.exit("these name several operators, which a trait should stand for:\n" + "\n".join(wrong))


main()
