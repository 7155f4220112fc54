"""docs/protocol.md as a list of sentences, and which of them were tried."""

import re

# Held by something else, or an example of what stands elsewhere.
NOT_NORMATIVE = ("Statuses and reasons",)


def normal(text):
    return re.sub(r"\s+", " ", text).strip()


class Page:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.sentences = []  # (section, sentence)
        section, block, fenced = "", [], False
        for line in self.text.split("\n"):
            if line.startswith("```"):
                fenced = not fenced
                line = ""
            if fenced:
                continue
            begins = re.match(r"#|\||- |$|<", line)
            if begins:
                self.add(section, " ".join(block))
                block = []
            if line.startswith("#"):
                section = line.lstrip("# ")
            elif line.startswith("|"):
                self.add_row(section, line)
            elif line:
                block.append(line)
        self.add(section, " ".join(block))
        self.all = normal(self.text)

    def add_row(self, section, line):
        if re.fullmatch(r"[|\- ]+", line):
            self.sentences.pop()  # what stands above was the head
            return
        self.sentences.append((section, normal(line)))

    def add(self, section, block):
        block = normal(block.removeprefix("- "))
        if not section or block.startswith(("[", "<")):
            return
        for sentence in re.split(r"(?<=[.:])\** (?=[A-Z`*\"])|(?<=;) ", block):
            if sentence:
                self.sentences.append((section, sentence))

    def normative(self):
        return [(section, sentence) for section, sentence in self.sentences
                if section not in NOT_NORMATIVE and not section.startswith("The wire")]

    def has(self, quote):
        return normal(quote) in self.all

    def untried(self, quotes):
        """The sentences of which no quote tells anything."""
        quotes = [normal(quote) for quote in quotes]
        return [(section, sentence) for section, sentence in self.normative()
                if not any(quote in sentence or sentence in quote or overlaps(quote, sentence)
                           for quote in quotes)]


def overlaps(quote, sentence):
    """A quote that begins in one sentence and ends in the next counts for both."""
    least = 12
    return any(quote.endswith(sentence[:size]) or quote.startswith(sentence[-size:])
               for size in range(least, min(len(quote), len(sentence)) + 1))
