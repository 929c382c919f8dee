// Prints where the time of a V8 CPU profile went: `node bench/summarise-profile.ts <file.cpuprofile> [lines]`.
import { readFileSync } from 'node:fs';
import { toTable } from './report.ts';

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[];
  samples: number[];
  /** Microseconds between two samples. */
  timeDeltas: number[];
}

const [file = '', lineCount = '25'] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;

const selfUs = new Map<number, number>();
profile.samples.forEach((id, index) => {
  selfUs.set(id, (selfUs.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
});
const parents = new Map(
  profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
);
const nodes = new Map(profile.nodes.map((node) => [node.id, node]));

const byFunction = new Map<string, number>();
const byPlace = new Map<string, number>();
/** With everything it calls, each function once a stack. */
const withCallees = new Map<string, number>();
let workUs = 0;
for (const [id, us] of selfUs) {
  const name = nameOf(id);
  if (name === '(idle)' || name === '(root)') continue;
  workUs += us;
  add(byFunction, name, us);
  add(byPlace, placeOf(id), us);
  const seen = new Set<string>();
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) seen.add(nameOf(at));
  for (const one of seen) if (one !== '(root)') add(withCallees, one, us);
}

process.stdout.write(`${(workUs / 1e6).toFixed(2)} s of work\n\n`);
show('package or folder, itself', byPlace);
show('function, itself', byFunction);
show('function, with what it calls', withCallees);

function nameOf(id: number): string {
  const frame = nodes.get(id)?.callFrame;
  if (!frame) return '?';
  const place = frame.url === '' ? '' : ` ${shorten(frame.url)}:${frame.lineNumber + 1}`;
  return `${frame.functionName || '(anonymous)'}${place}`;
}

/** The package, the folder of ours, node itself, or what V8 does besides (garbage, native code). */
function placeOf(id: number): string {
  const frame = nodes.get(id)?.callFrame;
  if (!frame?.url) return frame?.functionName ?? '?';
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(frame.url);
  if (inPackage) return inPackage[1] ?? '';
  if (frame.url.startsWith('node:')) return frame.url.split('/')[0] ?? 'node:';
  return shorten(frame.url);
}

function shorten(url: string): string {
  const afterPackages = url.split('node_modules/').at(-1) ?? url;
  return afterPackages.replace(/^file:\/\//, '').replace(`${process.cwd()}/`, '');
}

function add(sums: Map<string, number>, name: string, us: number): void {
  sums.set(name, (sums.get(name) ?? 0) + us);
}

function show(title: string, sums: Map<string, number>): void {
  const rows = [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, Number(lineCount))
    .map(([name, us]) => [`${((us / workUs) * 100).toFixed(1)} %`, `${(us / 1000).toFixed(0)} ms`, name]);
  process.stdout.write(`${toTable(['share', 'time', title], rows)}\n\n`);
}
