// The chart of a running mailing: people who came to an end, a second, since the page was opened.
import uPlot from './uplot.js';

const chart = document.querySelector('[data-chart]');
const part = document.querySelector('[data-live]');
const maxPoints = 600;
if (chart && part) draw();

function draw() {
  const [seconds, rates] = [[], []];
  let plot;
  let last;
  part.addEventListener('live', () => {
    const numbers = part.querySelector('[data-ended]');
    if (!numbers) return;
    const now = { at: Date.now() / 1_000, ended: Number(numbers.dataset.ended) };
    if (last) {
      seconds.push(now.at);
      rates.push(Math.max(0, (now.ended - last.ended) / (now.at - last.at)));
      if (seconds.length > maxPoints) for (const row of [seconds, rates]) row.shift();
    }
    last = now;
    if (seconds.length < 2) return;
    chart.hidden = false;
    plot ??= makePlot();
    plot.setData([seconds, rates]);
  });
  addEventListener('resize', () => plot?.setSize({ width: chart.clientWidth, height: 160 }));

  function makePlot() {
    const style = getComputedStyle(document.documentElement);
    const colour = style.getPropertyValue('--calm').trim();
    const dim = style.getPropertyValue('--dim').trim();
    const axis = { stroke: dim, grid: { stroke: style.getPropertyValue('--line').trim(), width: 1 } };
    const series = [{}, { label: 'people a second', stroke: colour, width: 2, fill: `${colour}22` }];
    const options = { width: chart.clientWidth, height: 160, legend: { show: false }, cursor: { show: false } };
    const scales = { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } };
    return new uPlot(
      { ...options, title: 'People a second', series, scales, axes: [axis, { ...axis, size: 60 }] },
      [[], []],
      chart,
    );
  }
}
