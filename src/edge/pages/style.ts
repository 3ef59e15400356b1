/** The one stylesheet of all pages: phones first, light and dark. Its hash stands in the Content-Security-Policy. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#f3f1ec;--card:#fffefb;--ink:#1f2328;--soft:#5c636b;--line:#dcd8cf;--edge:#8a8f94;
--accent:#0b6b5d;--on-accent:#fff;--tint:#e8f1ee;--bad:#a8261c;--bad-tint:#fbeae8}
@media(prefers-color-scheme:dark){:root{--paper:#121518;--card:#1b1f23;--ink:#eceae4;--soft:#a4abb2;--line:#343a40;--edge:#767d84;
--accent:#5cc9b3;--on-accent:#06231e;--tint:#1d2d2b;--bad:#ff9d92;--bad-tint:#35201e}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:1.25rem;background:var(--paper);
color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"PingFang SC","Hiragino Sans GB",
"Microsoft YaHei","Noto Sans CJK SC","Noto Sans",sans-serif;overflow-wrap:anywhere}
main{width:100%;max-width:25rem;padding:2rem 1.5rem;background:var(--card);border:1px solid var(--line);
border-radius:1.25rem;box-shadow:0 1px 2px #0000000a,0 12px 32px #0000000f}
@media(min-width:30rem){main{padding:2.5rem}}
.mark{display:block;width:2.75rem;height:2.75rem;margin:0 0 1.1rem -.35rem;color:var(--accent)}
h1{text-wrap:balance;margin:0 0 .5rem;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.01em}
p{text-wrap:pretty;margin:0 0 1.25rem;color:var(--soft)}
label{display:block;margin:0 0 .35rem;font-size:.9rem;font-weight:600}
input{display:block;width:100%;min-height:3rem;margin:0 0 1.1rem;padding:.6rem .85rem;font:inherit;color:inherit;
background:var(--paper);border:1px solid var(--edge);border-radius:.75rem}
button,.button{display:block;width:100%;min-height:3rem;padding:.7rem 1rem;font:inherit;font-weight:650;text-align:center;
text-decoration:none;color:var(--on-accent);background:var(--accent);border:1px solid transparent;border-radius:.75rem;
cursor:pointer}
button.quiet,.button.quiet{color:var(--accent);background:transparent;border-color:var(--line)}
button:hover,.button:hover{filter:brightness(1.08)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.wrong{margin:0 0 1.25rem;padding:.7rem .9rem;color:var(--bad);background:var(--bad-tint);border-radius:.75rem}
.code{margin:0 0 .75rem;padding:1rem .5rem;text-align:center;background:var(--tint);border-radius:1rem}
.code dt,.facts dt{font-size:.85rem;color:var(--soft)}
.code dd{margin:0;font:650 clamp(1.6rem,8.5vw,2.15rem)/1.3 ui-monospace,SFMono-Regular,Menlo,Consolas,"Noto Sans Mono",
monospace;letter-spacing:.06em;white-space:nowrap;user-select:all}
.code.second dd{font-size:1.35rem;font-weight:550}
.hint{margin:0 0 1.5rem;font-size:.9rem}
.wait{display:flex;gap:.75rem;align-items:center;margin:0 0 1.25rem;padding-top:1.25rem;border-top:1px solid var(--line);
font-size:.95rem}
.wait::before{content:"";flex:none;width:.7rem;height:.7rem;border-radius:50%;background:var(--accent);
animation:breathe 1.8s ease-in-out infinite}
@keyframes breathe{50%{opacity:.25}}
@media(prefers-reduced-motion:reduce){.wait::before{animation:none}}
.facts{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1.25rem;margin:1rem 0 1.5rem;align-items:baseline}
.facts dd{margin:0;font-weight:550}
.stack{display:grid;gap:.75rem}
.status{margin:1.5rem 0 0;font-size:.85rem}
`;
