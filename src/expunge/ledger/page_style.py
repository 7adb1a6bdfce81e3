"""How the page of a receipt looks, on a screen, in the dark and on paper."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root {
  --paper: #f6f7f9; --card: #ffffff; --ink: #16191f; --soft: #566070; --line: #dde1e8;
  --good: #14653a; --good-card: #e4f4ea; --bad: #9c1f18; --bad-card: #fdeae8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0e1116; --card: #171b22; --ink: #e9edf3; --soft: #a3adbc; --line: #2c333e;
    --good: #7fe0aa; --good-card: #10291b; --bad: #ffb3ac; --bad-card: #361512;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.6 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 820px; margin: 0 auto; padding: 44px 20px 60px; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .7em; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 .5em; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.3em 0 .3em; }
p { margin: 0 0 .9em; }
.lead { font-size: 1.06rem; }
.banner { border: 1px solid; border-left-width: 6px; border-radius: 8px; padding: 14px 18px; margin: 0 0 22px; }
.good { color: var(--good); background: var(--good-card); }
.bad { color: var(--bad); background: var(--bad-card); }
section, details {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px; margin: 18px 0;
}
summary { font-weight: 600; cursor: pointer; }
details p { color: var(--soft); font-size: .94rem; margin-top: 1em; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 8px 0; border-top: 1px solid var(--line); }
th { font-weight: 500; color: var(--soft); width: 33%; padding-right: 18px; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; }
.code { font-size: .88rem; }
.code td { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
footer { color: var(--soft); font-size: .9rem; margin: 24px 4px 0; }
ul { margin: .4em 0 0; padding-left: 1.25em; }
li { margin: 0 0 .5em; }
@media (max-width: 560px) {
  th, td { display: block; width: auto; } td { border-top: 0; padding-top: 0; } th { padding-bottom: 0; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #333; --line: #bbb; }
  body { font-size: 11pt; } main { max-width: none; padding: 0; }
  section, details { break-inside: avoid; border-radius: 0; }
}
"""
