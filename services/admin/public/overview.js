// The overview's two charts: small, drawn by uPlot from /overview/series, in the colours of the page.
import uPlot from './uplot.js';

const heightPx = 190;
const againAfterMs = 30_000;
const section = document.querySelector('#charts');
const fault = section.querySelector('.fault');
const kinds = {
  ends: {
    element: section.querySelector('#chart-ends'),
    names: ['sent', 'failed', 'skipped', 'unknown'],
    colours: [1, 2, 3, 4],
  },
  lag: {
    element: section.querySelector('#chart-lag'),
    names: ['planner', 'enricher', 'renderer', 'dispatcher'],
    colours: [3, 5, 6, 4],
  },
};
let range = 'hour';
let series;
let timer;

async function load() {
  clearTimeout(timer);
  const wanted = range;
  try {
    const response = await fetch(`/overview/series?range=${wanted}`, { headers: { accept: 'application/json' } });
    if (!response.ok) throw new Error((await response.json()).error ?? response.statusText);
    const answer = await response.json();
    if (wanted !== range) return;
    series = answer;
    fault.hidden = true;
    draw();
  } catch (error) {
    fault.textContent = `The charts could not be loaded: ${error.message}`;
    fault.hidden = false;
  }
  timer = setTimeout(() => void load(), againAfterMs);
}

function draw() {
  for (const [kind, { element, names, colours }] of Object.entries(kinds)) {
    kinds[kind].chart?.destroy();
    const data = [series.at, ...names.map((name) => series[kind][name])];
    kinds[kind].chart = new uPlot(toOptions(kind, names, colours, element.clientWidth), data, element);
  }
}

function toOptions(kind, names, colours, width) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour('dim'), grid: { stroke: colour('line'), width: 1 }, ticks: { stroke: colour('line') } };
  const lines = names.map((name, at) => ({
    label: name,
    stroke: colour(`chart-${colours[at]}`),
    width: 1.5,
    dash: [[], [6, 3], [2, 3], [8, 3, 2, 3]][at],
    points: { show: false },
    spanGaps: false,
    value: (_, value) => (value == null ? '–' : Math.round(value).toLocaleString()),
  }));
  return {
    width,
    height: heightPx,
    cursor: { drag: { setScale: false } },
    scales: { y: { range: (_, __, max) => [0, Math.max(max ?? 0, 4) * 1.08] } },
    axes: [
      { ...axis, values: (_, ticks, __, ___, stepS) => ticks.map((tick) => toTime(tick, stepS)) },
      { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => toShort(tick)) },
    ],
    series: [{ label: kind === 'ends' ? 'from' : 'at' }, ...lines],
  };
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const toTime = (seconds, stepS) => (stepS >= 86_400 ? day : clock).format(new Date(seconds * 1_000));
const toShort = (number) =>
  Number.isInteger(number) ? Intl.NumberFormat(undefined, { notation: 'compact' }).format(number) : '';

section.addEventListener('click', ({ target }) => {
  const button = target.closest('[data-range]');
  if (!button) return;
  range = button.dataset.range;
  for (const one of section.querySelectorAll('[data-range]')) one.setAttribute('aria-pressed', String(one === button));
  void load();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => series && draw());
let width = innerWidth;
addEventListener('resize', () => {
  if (series && innerWidth !== width) draw();
  width = innerWidth;
});
void load();
