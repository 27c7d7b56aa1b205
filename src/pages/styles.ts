/** The one style sheet of the public pages; inlined, so that a page needs nothing else. Its hash stands in the CSP. */
export const styles = `
:root{color-scheme:light dark;--ink:light-dark(#1d2330,#e8eaf0);--soft:light-dark(#566074,#a7b0c2);--line:light-dark(#dfe3ea,#343b49);
--paper:light-dark(#fbfbfd,#14171d);--card:light-dark(#fff,#1b1f27);--link:light-dark(#1f4fa3,#9dbdf5);--good:light-dark(#17683a,#7fd6a0);
--bad:light-dark(#a3231a,#ff9c90);--wait:light-dark(#6b5200,#e5c566)}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.65 system-ui,-apple-system,"Hiragino Sans","Noto Sans JP","Yu Gothic UI",sans-serif;
overflow-wrap:anywhere;line-break:strict;text-wrap:pretty}
:lang(ja){word-break:auto-phrase}
main{max-width:40rem;margin:0 auto;padding:clamp(1.5rem,6vw,4rem) clamp(1rem,4vw,1.5rem) 3rem}
h1{font-size:clamp(1.4rem,1.1rem + 1.6vw,1.9rem);line-height:1.3;margin:0 0 .5rem;text-wrap:balance}
h2{font-size:1rem;margin:0}
p{margin:.35rem 0}
a{color:var(--link)}
bdi.address{display:inline-block;max-width:100%}
.soft{color:var(--soft)}
.small{font-size:.875rem}
.unseen{position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.facts{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:1.25rem 0 2rem;padding:0}
.facts dt{color:var(--soft)}
.facts dd{margin:0}
.reference{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-weight:600;letter-spacing:.02em}
.mails{list-style:none;margin:0;padding:0;display:grid;gap:.75rem}
.mail{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem 1.15rem;display:grid;grid-template-columns:1.5rem minmax(0,1fr);gap:0 .75rem}
.mail p:last-child{margin-bottom:0}
.mail svg{width:1.5rem;height:1.5rem;margin-top:.05rem}
.mark svg{width:2.5rem;height:2.5rem}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.state{font-weight:600}
.question{margin-top:.75rem}
.question .address{font-weight:600}
form{display:grid;gap:1.1rem;margin:1rem 0 0}
.row{display:flex;flex-wrap:wrap;gap:.5rem}
.row input{flex:1 1 14rem}
.choices form{margin:.6rem 0 0}
.choices:empty{display:none}
label,.label{display:block;font-weight:600;margin-bottom:.2rem}
input:not([type=checkbox],[type=radio]),textarea,select{font:inherit;width:100%;padding:.55rem .7rem;color:inherit;background:var(--card);border:1px solid var(--soft);border-radius:.5rem}
input[type=checkbox]{width:1.5rem;height:1.5rem;margin:0;flex:none;accent-color:var(--link)}
.tick{display:flex;gap:.6rem;align-items:center}
textarea{min-height:7rem;resize:vertical}
button,.button{font:inherit;font-weight:600;line-height:1.4;padding:.6rem 1.1rem;border-radius:.5rem;border:1px solid var(--link);background:var(--link);color:var(--paper);cursor:pointer;text-decoration:none;display:inline-block;word-break:auto-phrase}
.button.quiet,button.quiet{background:transparent;color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.field .error{color:var(--bad);margin:.25rem 0 0}
[aria-invalid=true]{border-color:var(--bad)!important;border-width:2px!important}
.notice{border-left:4px solid var(--bad);padding:.4rem 0 .4rem 1rem;margin:1rem 0}
.kept{margin:0 0 .4rem}
code{display:block;font:600 .95rem/1.6 ui-monospace,SFMono-Regular,Menlo,monospace;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem;margin-top:.75rem;user-select:all}
code.inline{display:inline;font-weight:400;padding:.05rem .3rem;margin:0}
.foot{margin-top:2.5rem;font-size:.875rem;color:var(--soft)}
.foot .button{margin-bottom:.75rem}
p>.button{margin-top:.5rem}
.mails+.soft{margin-top:.75rem}
.part{margin:1.75rem 0 0}
.part ul{margin:.35rem 0 0;padding-left:1.25rem}
.part li{margin:.15rem 0}
.posted{margin:.6rem 0 0;padding:1rem 1.15rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
.posted dt{color:var(--soft);font-size:.875rem}
.posted dd{margin:0;white-space:pre-line}
.posted dd+dt{margin-top:.75rem}
@media (max-width:24rem){.mail{grid-template-columns:1.25rem minmax(0,1fr);gap:0 .6rem;padding:.85rem .9rem}.mail svg{width:1.25rem;height:1.25rem;margin-top:.2rem}}
@media (forced-colors:active){.mail,button,.button{border-color:CanvasText}[aria-invalid=true]{border-style:double!important}}
@media print{:root{color-scheme:light}body{background:#fff;color:#000;font-size:11pt}main{max-width:none;padding:0}form,button,.button,.foot,.question,.choices,.choices ~ .small,.notice,.unseen{display:none}
.mail{break-inside:avoid;border-color:#999}.good,.bad,.wait,.soft,.facts dt{color:#000}}
`
