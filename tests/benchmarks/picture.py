"""A result as a picture: bars of what is answered a second, ours among its peers'; readable in dark and in light."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from tests.benchmarks.report import Line, Result, figure

_WIDTH, _ROW, _HEADING, _MARGIN = 820, 24, 34, 20
_BARS_AT, _LONGEST = 350, 300
_OURS = "Tandem"
_ACCESSIBLE = 'role="img" aria-labelledby="title description"'
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .heading { font-weight: 600; }
  .quiet { fill: #59636e; }
  .paper { fill: #ffffff; }
  .ours { fill: #0969da; }
  .peer { fill: #afb8c1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .paper { fill: #0d1117; }
    .ours { fill: #4493f8; }
    .peer { fill: #656c76; }
  }
"""
Bar = tuple[str, float, float]
"""Whose it is, answers a second, microseconds of CPU an answer."""


def svg(result: Result) -> str:
    """Return the lines that tell the CPU time of both, a group of bars for each thing that was asked."""
    groups = list(_groups(result))
    shapes: list[str] = []
    y = _MARGIN
    for heading, bars in groups:
        shapes.append(_text(_MARGIN, y + 14, heading, "heading"))
        y += _HEADING - _ROW // 2
        for bar in bars:
            shapes += _bar(bar, y, longest=max(rate for _, rate, _ in bars))
            y += _ROW
        y += _ROW // 2
    shapes.append(_text(_MARGIN, y + 14, f"{result.title}; median of {result.rounds}", "quiet"))
    height = y + _MARGIN + 14
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" {_ACCESSIBLE}>',
            '<title id="title">Answers a second, Tandem beside its peers</title>',
            f'<desc id="description">{escape(_told(groups))}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def _groups(result: Result) -> Iterator[tuple[str, Sequence[Bar]]]:
    heading = ""
    named: list[tuple[str, Line]] = []
    for line in result.lines:
        heading = line.what or heading
        named.append((heading, line))
    for what, together in groupby(named, key=lambda each: each[0]):
        lines = [line for _, line in together]
        theirs = [(line.peer_name, line.peer, line.cpu[1]) for line in lines if line.peer and line.cpu]
        if lines[0].cpu:
            yield what, sorted([(_OURS, lines[0].ours, lines[0].cpu[0]), *theirs], key=lambda bar: -bar[1])


def _bar(bar: Bar, y: float, *, longest: float) -> list[str]:
    name, rate, cpu = bar
    length = max(1.0, rate / longest * _LONGEST)
    kind = "ours" if name == _OURS else "peer"
    return [
        _text(_MARGIN, y + 16, name, "heading" if name == _OURS else ""),
        f'<rect class="{kind}" x="{_BARS_AT}" y="{y + 4}" width="{length:.1f}" height="{_ROW - 8}" rx="2"/>',
        _text(_BARS_AT + length + 8, y + 16, f"{figure(rate)}/s, {figure(cpu)} µs"),
    ]


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y}" class="{kind}">{escape(words)}</text>'


def _told(groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    return " ".join(
        f"{heading}: {'; '.join(f'{name} {figure(rate)}, {figure(cpu)} µs of CPU each' for name, rate, cpu in bars)}."
        for heading, bars in groups
    )
