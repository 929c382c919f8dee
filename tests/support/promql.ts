// What a PromQL expression names, for the tests of ops/: no parser, but strict enough that a wrong name, a missing bracket or
// an unknown function is found.

export interface Selector {
  metric: string;
  /** Labels in its braces. */
  labels: string[];
}

export interface PromqlNames {
  selectors: Selector[];
  /** Labels of `by`, `on`, `without`, `ignoring`. */
  grouped: string[];
}

const keywords = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);
const grouping = new Set(['by', 'on', 'without', 'ignoring', 'group_left', 'group_right']);
const functions = new Set([
  ...['sum', 'min', 'max', 'avg', 'count', 'topk'],
  ...['rate', 'increase', 'delta', 'deriv', 'changes', 'predict_linear', 'histogram_quantile', 'clamp_min', 'absent'],
  ...['min_over_time', 'max_over_time'],
]);
const token =
  /\s*(?:(?<string>"(?:[^"\\]|\\.)*")|(?<range>\[\d+(?:ms|[smhdwy])(?::\d*[smhdwy]?)?\])|(?<number>\d+(?:\.\d+)?(?:e\d+)?)|(?<name>[A-Za-z_:][\w:]*)|(?<sign>==|!=|=~|!~|>=|<=|[-+*/%^<>=(){},]))/y;

/** @throws Error with the place of what cannot be PromQL */
export function readPromql(expression: string): PromqlNames {
  const tokens = tokenize(expression);
  const selectors: Selector[] = [];
  const grouped: string[] = [];
  const open: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const [kind, text] = tokens[at] ?? ['end', ''];
    const next = tokens[at + 1]?.[1];
    if (text === '(' && kind === 'sign') open.push(')');
    else if (text === ')' && open.pop() !== ')') throw new Error(`a ) too many in ${expression}`);
    else if (text === '{') throw new Error(`braces without a metric in ${expression}`);
    if (kind === 'range' && !selectorEnds(tokens, at)) throw new Error(`${text} stands behind no metric`);
    if (kind !== 'name' || keywords.has(text)) continue;
    if (grouping.has(text)) {
      if (next !== '(') throw new Error(`${text} without brackets in ${expression}`);
      for (at += 2; tokens[at]?.[1] !== ')'; at++) {
        const [inner, label] = tokens[at] ?? ['end', ''];
        if (inner === 'end') throw new Error(`${text}(… is not closed in ${expression}`);
        if (inner === 'name') grouped.push(label);
      }
    } else if (next === '(' || grouping.has(next ?? '')) {
      if (!functions.has(text)) throw new Error(`${text} is no function that is known here, in ${expression}`);
    } else if (next === '{') {
      const labels: string[] = [];
      for (at += 2; tokens[at]?.[1] !== '}'; at += tokens[at]?.[1] === ',' ? 1 : 0) {
        const [label, operator, value] = [tokens[at], tokens[at + 1], tokens[at + 2]];
        if (label?.[0] !== 'name' || !/^(=|!=|=~|!~)$/.test(operator?.[1] ?? '') || value?.[0] !== 'string') {
          throw new Error(`the labels of ${text} cannot be read in ${expression}`);
        }
        labels.push(label[1]);
        at += 3;
        if (!/^[,}]$/.test(tokens[at]?.[1] ?? ''))
          throw new Error(`the labels of ${text} cannot be read in ${expression}`);
      }
      selectors.push({ metric: text, labels });
    } else {
      selectors.push({ metric: text, labels: [] });
    }
  }
  if (open.length > 0) throw new Error(`a ) is missing in ${expression}`);
  if (selectors.length === 0) throw new Error(`no metric in ${expression}`);
  return { selectors, grouped };
}

type Token = [kind: string, text: string];

function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < expression.trimEnd().length) {
    const from = token.lastIndex;
    const found = Object.entries(token.exec(expression)?.groups ?? {}).find(([, text]) => text !== undefined);
    if (!found) throw new Error(`not PromQL at ${expression.slice(from, from + 20)}`);
    tokens.push([found[0], found[1]]);
  }
  return tokens;
}

function selectorEnds(tokens: readonly Token[], at: number): boolean {
  const [kind, text] = tokens[at - 1] ?? ['', ''];
  return kind === 'name' || text === '}';
}
