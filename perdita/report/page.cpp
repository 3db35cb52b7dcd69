#include "perdita/report/page.hpp"

namespace perdita::report {

std::string_view page_css() {
  return R"(*{box-sizing:border-box}html{color-scheme:light dark}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main,header{max-width:56rem;margin:0 auto;padding:0 1.25rem}header{padding-top:2.5rem}main{padding-bottom:4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 1rem}h1,p,li,code{overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:2.75rem 0 .5rem}
.lead{font-size:1.1rem;max-width:44rem}.note{color:var(--soft);font-size:.9rem;max-width:44rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1.5rem 0;padding:0}
.facts div{border:1px solid var(--grid);border-radius:.5rem;padding:.7rem .9rem}
.facts dt{color:var(--soft);font-size:.85rem}.facts dd{margin:0;font-size:1.5rem;font-weight:600;line-height:1.3}
.facts dd small{display:block;font-size:.8rem;font-weight:400;color:var(--soft)}
figure{margin:1rem 0}figcaption{color:var(--soft);font-size:.9rem}.chart{display:block;width:100%;height:auto;
overflow:visible}
.narrow{display:none}.multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1rem}
.multiples h4{font-size:.95rem;margin:0}
.controls{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:center;margin:.5rem 0}
input[type=range]{width:14rem;max-width:60vw;vertical-align:middle;accent-color:var(--s0);margin:0 .5rem}
input[type=checkbox]{accent-color:var(--s0);width:1.1rem;height:1.1rem;vertical-align:-.15rem}
:focus-visible{outline:3px solid var(--s0);outline-offset:2px;border-radius:2px}
.log-on{display:none}.scale:has(:checked) .log-on{display:block}.scale:has(:checked) .log-off{display:none}
.dense th,.dense td{padding:.35rem .45rem;font-size:.92rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:.9rem;padding:.25rem 0}
th,td{padding:.35rem .7rem;text-align:right;border-bottom:1px solid var(--grid);vertical-align:middle}
thead th{color:var(--soft);font-weight:600;font-size:.9rem}th[scope=row],.text{text-align:left}
td.text{overflow-wrap:anywhere}tfoot th,tfoot td{border-bottom:0;border-top:2px solid var(--tick);font-weight:600}
.confusion{font-size:.85rem}.confusion td{text-align:center;padding:.3rem .25rem;min-width:2.6rem;
border:1px solid var(--paper);-webkit-print-color-adjust:exact;print-color-adjust:exact}
.confusion .same{background:rgb(0 90 150/var(--v));outline:1px solid var(--tick);outline-offset:-1px}
.confusion .miss{background:rgb(176 70 0/var(--v))}.confusion .deep{color:#fff}
.confusion thead th{text-align:center;vertical-align:bottom;padding:.3rem .25rem;font-size:.8rem;max-width:5rem;
overflow-wrap:break-word}
.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:1rem;padding:0;list-style:none}
.samples li{border:1px solid var(--grid);border-radius:.5rem;padding:.6rem;
font-size:.88rem;line-height:1.4;overflow-wrap:anywhere}
.samples img{display:block;width:100%;height:auto;image-rendering:pixelated;border-radius:.25rem;
margin-bottom:.4rem;background:#000}
.samples b{font-size:1rem}pre{background:color-mix(in srgb,var(--grid) 45%,transparent);padding:.9rem;
border-radius:.5rem;
white-space:pre-wrap;overflow-wrap:anywhere}
.kind{margin:0;color:var(--soft);font-size:.9rem;letter-spacing:.04em;text-transform:uppercase}
h3{font-size:1.05rem;margin:1.75rem 0 .25rem}
.diagnosis{border:1px solid var(--grid);border-left:.4rem solid var(--tick);border-radius:.5rem;padding:.8rem 1.1rem;
margin:0 0 1.25rem}.diagnosis h2{font-size:1.05rem;margin:0 0 .25rem}.diagnosis p,.diagnosis ul{margin:0;padding:0}
.diagnosis li{list-style:none;margin:.35rem 0 0}.diagnosis.well{border-left-color:var(--s2)}
.diagnosis.issues{border-left-color:var(--s1)}.diagnosis .note{display:block}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;padding:.6rem 0;margin:1.5rem 0 .5rem;
border:solid var(--grid);border-width:1px 0}a{color:var(--link)}
details{margin:.75rem 0}summary{cursor:pointer;color:var(--link)}
.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr));gap:1rem 1.5rem}
.pairs figure{margin:0}.pairs h3{margin:.5rem 0 0}.pairs .chart{min-width:0}
.share{background:linear-gradient(var(--wash),var(--wash)) no-repeat left/calc(100%*var(--v)) 100%;
-webkit-print-color-adjust:exact;print-color-adjust:exact;min-width:9rem}
.tip{position:fixed;z-index:1;pointer-events:none;white-space:pre-line;background:var(--ink);color:var(--paper);
padding:.35rem .6rem;border-radius:.35rem;font-size:.85rem;line-height:1.4;font-variant-numeric:tabular-nums}
.tip[hidden]{display:none}.cover{cursor:crosshair}
footer{color:var(--soft);font-size:.85rem;margin-top:3rem}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:34rem){h1{font-size:1.5rem}th,td{padding:.3rem .4rem;font-size:.88rem}.confusion td{min-width:2rem}
figure>div{overflow-x:auto}figure .chart{min-width:32rem}.wide{display:none}figure .narrow{display:block}
.narrow .chart{min-width:0}caption{max-width:calc(100vw - 2.5rem)}}
@media print{@page{margin:1.6cm}body{font-size:10.5pt}.controls,nav,.hint,.tip{display:none}
header{padding-top:0}main{padding-bottom:0}.lead{font-size:1rem}h2{margin-top:1.5rem}
h2,h3,h4,.note:has(+.multiples),p:has(+pre){break-after:avoid}
figure,tr,li,pre,.diagnosis,.facts div,.multiples>div{break-inside:avoid}.scroll,figure>div{overflow:visible}
tfoot{display:table-row-group}th,td{padding:.2rem .4rem;font-size:9pt}
.dense th,.dense td{padding:.2rem .25rem;font-size:7.5pt}.dense small{font-size:7pt}
.samples{grid-template-columns:repeat(5,1fr)}.multiples{grid-template-columns:repeat(3,1fr)}
.pairs{grid-template-columns:repeat(2,1fr)}figure .chart{max-height:7.2cm;min-width:0}
.confusion th,.confusion td{font-size:7pt;min-width:0}}
)";
}

}  // namespace perdita::report
