// The table of fault runs, as people read it: in the terminal and in docs/reliability.md.
export interface Outcome {
  scenario: string;
  title: string;
  seed: number;
  commit: string;
  atIso: string;
  seconds: number;
  planned: number;
  accepted: number;
  states: Record<string, number>;
  lost: number;
  ghost: number;
  lying: number;
  silent: number;
  /** Distinct notifications that came more than once, of templates that resend. */
  doubles: number;
  doublesParked: number;
  open: number;
  notes: Record<string, string | number>;
  /** What did not hold. */
  faults: string[];
}

const columns = [
  'fault',
  'seed',
  'commit',
  's',
  'planned',
  'states',
  'lost',
  'ghost',
  'lying',
  'silent',
  'double',
  'of park',
  'notes',
  'held',
];

export function toTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((one) => [
    one.scenario,
    one.seed,
    one.commit,
    one.seconds,
    one.planned,
    Object.entries(one.states)
      .sort()
      .map(([state, count]) => `${state} ${count}`)
      .join(', '),
    one.lost,
    one.ghost,
    one.lying,
    one.silent,
    one.doubles,
    one.doublesParked,
    Object.entries(one.notes)
      .map(([name, value]) => `${name}: ${value}`)
      .join('; '),
    one.faults.length === 0 ? 'yes' : `**no**: ${one.faults[0]}`,
  ]);
  const lines = [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}
