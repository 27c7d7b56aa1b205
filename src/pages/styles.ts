/** The one style sheet of the public pages; inlined, so that a page needs nothing else. Its hash stands in the CSP. */
export const styles = `
:root{color-scheme:light dark;--ink:light-dark(#1d2330,#e8eaf0);--soft:light-dark(#566074,#a7b0c2);--line:light-dark(#dfe3ea,#343b49);
--paper:light-dark(#fbfbfd,#14171d);--card:light-dark(#fff,#1b1f27);--link:light-dark(#1f4fa3,#9dbdf5);--good:light-dark(#17683a,#7fd6a0);
--bad:light-dark(#a3231a,#ff9c90);--wait:light-dark(#6b5200,#e5c566)}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.65 system-ui,-apple-system,"Hiragino Sans","Noto Sans JP","Yu Gothic UI",sans-serif;
overflow-wrap:anywhere;line-break:strict}
main{max-width:40rem;margin:0 auto;padding:clamp(1.25rem,5vw,3.5rem) clamp(1rem,4vw,1.5rem) 3rem}
h1{font-size:clamp(1.4rem,1.1rem + 1.6vw,1.9rem);line-height:1.3;margin:0 0 .5rem;text-wrap:balance;word-break:auto-phrase}
h2{font-size:1rem;margin:0}
p{margin:.35rem 0}
a{color:var(--link)}
.soft{color:var(--soft)}
.facts{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:1rem 0 2rem;padding:0}
.facts dt{color:var(--soft)}
.facts dd{margin:0}
.reference{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-weight:600;letter-spacing:.02em}
.mails{list-style:none;margin:0;padding:0;display:grid;gap:.75rem}
.mail{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem 1.15rem;display:grid;grid-template-columns:1.5rem 1fr;gap:0 .75rem}
.mail svg{width:1.5rem;height:1.5rem;margin-top:.05rem}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.state{font-weight:600}
form{display:grid;gap:.9rem;margin:1rem 0 0}
.row{display:flex;flex-wrap:wrap;gap:.5rem}
.row input{flex:1 1 14rem}
label{display:block;font-weight:600;margin-bottom:.2rem}
input:not([type=checkbox],[type=radio]),textarea,select{font:inherit;width:100%;padding:.55rem .7rem;color:inherit;background:var(--card);border:1px solid var(--soft);border-radius:.5rem}
textarea{min-height:7rem;resize:vertical}
button,.button{font:inherit;font-weight:600;padding:.55rem 1.1rem;border-radius:.5rem;border:1px solid var(--link);background:var(--link);color:var(--paper);cursor:pointer;text-decoration:none;display:inline-block}
.button.quiet,button.quiet{background:transparent;color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.field .error{color:var(--bad);margin:.2rem 0 0}
[aria-invalid=true]{border-color:var(--bad)!important;border-width:2px!important}
.notice{border-left:4px solid var(--bad);padding:.4rem 0 .4rem 1rem;margin:1rem 0}
.foot{margin-top:2.5rem;font-size:.875rem;color:var(--soft)}
fieldset{border:0;padding:0;margin:0}
@media print{body{background:#fff;color:#000}form,.button,.foot{display:none}.mail{break-inside:avoid}}
`
