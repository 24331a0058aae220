/** One palette of ink, paper and three verdict colours, in light and dark; nothing is loaded from anywhere. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #faf9f6; --card: #ffffff; --ink: #1b1f24; --quiet: #5c6570; --line: #e2dfd8; --track: #eceae4;
  --good: #17704a; --bad: #b3261e; --unknown: #875a00; --soft-good: #e8f2ec; --soft-bad: #fbeae8; --soft-unknown: #f8f0df;
  --s1: #aab6c2; --s2: #7796b3; --s3: #3b658c; --s4: #8d7fb3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1b1f23; --ink: #e8e6e1; --quiet: #9aa4ae; --line: #2d3238; --track: #2a2f35;
    --good: #5cc796; --bad: #f28b82; --unknown: #e0b252; --soft-good: #17271f; --soft-bad: #2e1b1a; --soft-unknown: #2a2416;
    --s1: #6b7784; --s2: #6f95b8; --s3: #8fbbe3; --s4: #a99bd4;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
.good { --tone: var(--good); --soft: var(--soft-good); }
.bad { --tone: var(--bad); --soft: var(--soft-bad); }
.unknown { --tone: var(--unknown); --soft: var(--soft-unknown); }
.mark { font-size: .8125rem; letter-spacing: .04em; color: var(--quiet); display: flex; justify-content: space-between; gap: 1rem; flex-wrap: wrap; margin: 0 0 1rem; }
.mark b { color: var(--ink); letter-spacing: .02em; }
.hero { background: var(--card); border: 1px solid var(--line); border-top: 5px solid var(--tone); border-radius: 6px; padding: 1.75rem 2rem; }
.verdict { display: inline-flex; align-items: center; gap: .5rem; color: var(--tone); font-weight: 650; margin: 0; }
.verdict svg { width: 1.35em; height: 1.35em; flex: none; }
h1 { font-size: clamp(1.5rem, 3.4vw, 2.125rem); line-height: 1.2; letter-spacing: -.015em; font-weight: 650; margin: .35rem 0 .6rem; text-wrap: balance; }
h2 { font-size: 1.1875rem; line-height: 1.3; letter-spacing: -.005em; font-weight: 650; margin: 2.75rem 0 .25rem; }
.lead { color: var(--quiet); margin: 0 0 1rem; max-width: 56rem; text-wrap: pretty; }
.hero .lead { margin: 0; }
.ladder { list-style: none; display: grid; grid-template-columns: repeat(3, 1fr); gap: .75rem 1.25rem; padding: 0; margin: 1.5rem 0 0; }
.ladder li { border-top: 4px solid var(--track); padding-top: .45rem; color: var(--quiet); font-size: .875rem; line-height: 1.35; }
.ladder li.reached { border-color: var(--tone); color: var(--ink); }
.ladder b { display: block; font-weight: 600; }
.callout { background: var(--soft); border-left: 4px solid var(--tone); border-radius: 0 6px 6px 0; padding: .9rem 1.2rem; margin: 1rem 0 0; overflow-wrap: anywhere; }
.callout p { margin: 0; } .callout p + p { margin-top: .35rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(14.5rem, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; margin: 1rem 0 0; }
.figure { background: var(--card); padding: 1.1rem 1.25rem; }
.figure h3, dt, th { font-size: .8125rem; font-weight: 500; color: var(--quiet); margin: 0; }
.figure .value { font-size: 1.75rem; line-height: 1.2; font-weight: 600; letter-spacing: -.02em; margin: .15rem 0 .35rem; }
.figure p:not(.value) { font-size: .8125rem; line-height: 1.45; color: var(--quiet); margin: .4rem 0 0; }
.figure .state { color: var(--tone); font-weight: 600; }
svg { display: block; width: 100%; overflow: visible; }
.track { fill: var(--track); } .fill { fill: var(--tone); } .tick { stroke: var(--ink); stroke-width: 2; }
.s1 { fill: var(--s1); } .s2 { fill: var(--s2); } .s3 { fill: var(--s3); } .s4 { fill: var(--s4); }
.timeline { border-collapse: collapse; width: 100%; }
.timeline th, .timeline td { padding: .3rem 0; border: 0; vertical-align: middle; }
.timeline th { width: 7rem; text-align: left; color: var(--ink); font-size: .9375rem; }
.timeline .amount { width: 6.5rem; text-align: right; font-weight: 500; }
.timeline tr.sum th, .timeline tr.sum td { border-top: 1px solid var(--line); color: var(--quiet); font-size: .8125rem; padding-top: .5rem; }
.scroll { overflow-x: auto; }
table.list { border-collapse: collapse; width: 100%; font-size: .875rem; }
.list th, .list td { text-align: left; padding: .42rem .75rem .42rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.list thead th { border-bottom-color: var(--quiet); white-space: nowrap; }
.list tbody th { font-weight: 400; color: var(--ink); font-size: inherit; overflow-wrap: anywhere; min-width: 11rem; }
.list .n { text-align: right; white-space: nowrap; } .list .n + :not(.n) { padding-left: 1.25rem; }
.list tr.off > * { background: var(--soft-bad); }
.list td:last-child, .list th:last-child { padding-right: .5rem; } .list tr > :first-child { padding-left: .5rem; }
.list .text { overflow-wrap: anywhere; min-width: 8rem; font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .8125rem; white-space: pre-wrap; }
.yes { color: var(--good); white-space: nowrap; } .no { color: var(--bad); font-weight: 650; white-space: nowrap; } .none { color: var(--quiet); white-space: nowrap; }
.checks { list-style: none; padding: 0; margin: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); column-gap: 2rem; font-size: .875rem; }
.checks li { display: flex; gap: .75rem; justify-content: space-between; border-bottom: 1px solid var(--line); padding: .4rem .25rem; }
.checks li.off { background: var(--soft-bad); }
details { border: 1px solid var(--line); border-radius: 6px; background: var(--card); padding: .75rem 1rem; margin-top: 1rem; font-size: .875rem; }
summary { cursor: pointer; font-weight: 600; } details ul { margin: .6rem 0 0; padding-left: 1.2rem; columns: 22rem; } details li { break-inside: avoid; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(8rem, 12rem) 1fr; gap: .35rem 1.5rem; margin: 0; font-size: .875rem; }
dt { padding-top: .06rem; } dd { margin: 0; overflow-wrap: anywhere; } ul.notes { margin: 0; padding-left: 1.2rem; font-size: .9375rem; }
.kind { color: var(--quiet); } .hash { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .8125rem; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .8125rem; }
@media (max-width: 40rem) {
  main { padding: 1rem 1rem 3rem; } .hero { padding: 1.25rem; } .ladder { grid-template-columns: 1fr; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } .timeline th { width: 5rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --quiet: #444; --line: #bbb; --track: #e6e6e6; --good: #17704a; --bad: #b3261e; --unknown: #875a00; --soft-good: #fff; --soft-bad: #fff; --soft-unknown: #fff; --s1: #aab6c2; --s2: #7796b3; --s3: #3b658c; --s4: #8d7fb3; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; } h2 { break-after: avoid; margin-top: 1.5rem; } tr, .hero, .figure, .checks li { break-inside: avoid; } thead { display: table-header-group; } .scroll { overflow: visible; }
}
`;
