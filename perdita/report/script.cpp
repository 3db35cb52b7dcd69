#include "perdita/report/page.hpp"

namespace perdita::report {

std::string_view page_script() {
  return R"((() => {
// What is under the pointer, and for screen readers what the arrow keys came to.
const tip = document.createElement('div'), said = document.createElement('p');
tip.className = 'tip', tip.hidden = true, tip.ariaHidden = 'true';
said.className = 'sr', said.role = 'status';
document.body.append(tip, said);

const make = (parent, name, attributes = {}) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  parent.append(made);
  return made;
};
const numbers = (text) => text.split(' ').map(Number);
const shown = (v) => v === null ? 'not finite'
  : v === 0 || Math.abs(v) >= 1e-3 && Math.abs(v) < 1e6 ? String(Number(v.toPrecision(4))) : v.toExponential(2);

// A stop is a place on the horizontal axis that has values: {at, text}.
const explore = (svg, stops_of) => {
  const [, , width, height] = numbers(svg.getAttribute('viewBox'));
  const [, , bottom, top] = numbers(svg.dataset.y);
  const line = make(svg, 'line', {class: 'cross', y1: top, y2: bottom, visibility: 'hidden'});
  const cover = make(svg, 'rect', {class: 'cover', width, height, fill: 'transparent'});
  make(cover, 'title');  // an empty one keeps the browser from showing the chart's own
  let now = -1;
  const leave = () => {
    now = -1, tip.hidden = true;
    line.setAttribute('visibility', 'hidden');
  };
  const go = (i) => {
    const stop = stops_of()[i], box = svg.getBoundingClientRect(), x = box.left + stop.at / width * box.width;
    now = i;
    line.setAttribute('x1', stop.at), line.setAttribute('x2', stop.at);
    line.setAttribute('visibility', 'visible');
    tip.textContent = stop.text, tip.hidden = false;
    const whole = document.documentElement.clientWidth, wide = tip.offsetWidth;
    tip.style.left = Math.max(4, x + 14 + wide > whole ? Math.min(x, whole) - wide - 14 : x + 14) + 'px';
    tip.style.top = Math.max(4, box.top + top / height * box.height + 4) + 'px';
  };
  cover.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * width, stops = stops_of();
    if (!stops.length) return;
    let nearest = 0;
    stops.forEach((stop, i) => { if (Math.abs(stop.at - x) < Math.abs(stops[nearest].at - x)) nearest = i; });
    go(nearest);
  });
  cover.addEventListener('pointerleave', leave);
  svg.addEventListener('blur', leave);
  svg.addEventListener('keydown', (event) => {
    const last = stops_of().length - 1;
    const left = now < 0 ? last : Math.max(now - 1, 0);
    const to = {ArrowRight: Math.min(now + 1, last), ArrowLeft: left, Home: 0, End: last};
    if (event.key === 'Escape') leave();
    if (!(event.key in to) || last < 0) return;
    event.preventDefault();
    go(to[event.key]);
    said.textContent = tip.textContent;
  });
  svg.setAttribute('tabindex', '0');
};

const stops_of_lines = (values, svg) => {
  if (values.stops.has(svg)) return values.stops.get(svg);
  const [low, high, left, right] = numbers(svg.dataset.x), texts = new Map();
  for (const series of values.series) {
    series.x.forEach((x, i) => texts.set(x, (texts.get(x) ?? values.x + ' ' + shown(x)) + '\n' + series.name + ' ' +
      shown(series.y[i])));
  }
  const stops = [...texts].sort((a, b) => a[0] - b[0])
    .map(([x, text]) => ({at: left + (x - low) / (high - low) * (right - left), text}));
  values.stops.set(svg, stops);
  return stops;
};
const stops_of_bars = (svg) => [...svg.querySelectorAll('.bar')].map((bar) => ({
  at: Number(bar.getAttribute('x')) + Number(bar.getAttribute('width')) / 2, text: bar.textContent}));

for (const data of document.querySelectorAll('script.values')) {
  data.values = {...JSON.parse(data.textContent), stops: new Map()};
  for (const svg of data.closest('figure').querySelectorAll('svg.chart')) {
    explore(svg, () => stops_of_lines(data.values, svg));
  }
}
for (const svg of document.querySelectorAll('svg.chart:has(.bar)')) {
  const stops = stops_of_bars(svg);
  explore(svg, () => stops);
}
for (const hint of document.querySelectorAll('.hint')) hint.hidden = false;

// The exponential moving average of the steps' losses, without the pull towards zero at its start.
const slider = document.getElementById('smoothing');
if (!slider) return;
const figure = slider.closest('figure'), values = figure.querySelector('script.values').values;
const average_of = (losses, keep) => {
  let average = 0, weight = 0;
  return losses.map((loss) => {
    if (loss === null) return null;
    average = keep * average + (1 - keep) * loss;
    weight = keep * weight + (1 - keep);
    return average / weight;
  });
};
const draw = (svg, {x, y}) => {
  const [x0, x1, left, right] = numbers(svg.dataset.x), [y0, y1, bottom, top] = numbers(svg.dataset.y);
  const f = svg.dataset.log === '1' ? Math.log : (v) => v;
  let path = '', down = false;
  y.forEach((loss, i) => {
    const share = loss === null ? NaN : (f(loss) - f(y0)) / (f(y1) - f(y0));
    if (!isFinite(share)) { down = false; return; }
    const px = left + (x[i] - x0) / (x1 - x0) * (right - left);
    path += (down ? 'L' : 'M') + px.toFixed(1) + ',' + (bottom + share * (top - bottom)).toFixed(1);
    down = true;
  });
  svg.querySelector('.line.s1').setAttribute('d', path);
};
slider.addEventListener('input', () => {
  slider.nextElementSibling.textContent = slider.value + ' %';
  values.series[1].y = average_of(values.series[0].y, slider.valueAsNumber / 100);
  values.stops.clear();
  for (const svg of figure.querySelectorAll('svg.chart')) draw(svg, values.series[1]);
});
if (slider.value !== slider.defaultValue) slider.dispatchEvent(new Event('input'));  // a reload keeps it where it was
})();
)";
}

}  // namespace perdita::report
