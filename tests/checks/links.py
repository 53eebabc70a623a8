#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the links of the Markdown pages lead somewhere? Each relative link names a file that is there, and a heading that is
there (#words). A link to a line whose text is a function's name, [`journal_append`](../sync/journal.c#L149), stands within
a screen of that function's definition, so that the tour cannot rot.

usage: links.py [--mend] [ROOT]       --mend: writes the right line numbers into the pages"""
import pathlib
import re
import sys

SCREEN = 30
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
FUNCTION = re.compile(r"^`(\w+)`$")
SKIP = {"build", "node_modules", ".git"}


def pages(root):
    for path in sorted(root.rglob("*.md")):
        parts = path.relative_to(root).parts
        if not any(p in SKIP or p.startswith("build") for p in parts[:-1]):
            yield path


def defined_at(text, name):
    """The line of a definition (or, in Python, def): 0 when there is none."""
    found = None
    for pattern in (rf"^[a-z][\w \*]*\b{name}\([^;]*?\)\s*\{{", rf"^(?:def|class) {name}\b", rf"^(?:struct|enum) {name} \{{",
                    rf"^static [\w \*]*\b{name}\b[^;(]*= ", rf"^[a-z][\w \*]*\b{name}\("):
        found = re.search(pattern, text, re.M)
        if found:
            return text.count("\n", 0, found.start()) + 1
    return 0


def headings(text):
    plain = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for title in re.findall(r"^#+ (.*)$", plain, re.M):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


class Page:
    def __init__(self, path, root):
        self.path, self.root, self.text = path, root, path.read_text()
        self.wrong, self.links = [], 0

    def say(self, link, why):
        self.wrong.append(f"{self.path.relative_to(self.root)}: {link}: {why}")

    def line(self, match, file, number):
        text = file.read_text()
        function = FUNCTION.match(match[1])
        if not function:
            if not 0 < number <= text.count("\n") + 1:
                self.say(match[2], "no such line")
            return match[0]
        at = defined_at(text, function[1])
        if not at:
            self.say(match[2], f"{function[1]} is not defined there")
        elif abs(at - number) > SCREEN:
            self.say(match[2], f"{function[1]} is at line {at} (tests/checks/links.py --mend)")
        return match[0].replace(f"#L{number})", f"#L{at})") if at else match[0]

    def link(self, match):
        target, _, anchor = match[2].partition("#")
        if re.match(r"[a-z+]+:", match[2]):
            return match[0]
        self.links += 1
        file = (self.path.parent / target) if target else self.path
        if not file.exists():
            self.say(match[2], "there is no such file")
        elif re.fullmatch(r"L\d+", anchor):
            return self.line(match, file, int(anchor[1:]))
        elif anchor and anchor not in set(headings(file.read_text())):
            self.say(match[2], "no such heading")
        return match[0]

    def mended(self):
        return LINK.sub(self.link, self.text)


def main(args):
    mend = "--mend" in args
    root = pathlib.Path(next((a for a in args if not a.startswith("--")), pathlib.Path(__file__).resolve().parents[2]))
    wrong, links = [], 0
    for path in pages(root):
        page = Page(path, root)
        text = page.mended()
        if mend and text != page.text:
            path.write_text(text)
            page = Page(path, root)
            page.mended()
        wrong += page.wrong
        links += page.links
    print("\n".join(wrong + [f"{links} links, {len(wrong)} wrong"]))
    return 1 if wrong or links == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
