// A decoded value as a tree that a page can show: bounded in breadth, depth and length, whatever the record holds.
import { hidden } from './hide-confidential.ts';

export type TreeNode =
  | {
      kind: 'branch';
      name: string;
      type: 'object' | 'array' | 'JSON text';
      count: number;
      isOpen: boolean;
      children: TreeNode[];
      moreCount: number;
    }
  | { kind: 'leaf'; name: string; type: string; text: string; cutFrom: number | null; atMs: number | null };

const maxChildren = 100;
const maxNodes = 1_500;
const maxLevels = 20;
const maxTextLength = 4_000;
/** Fields of ours that hold JSON as text. */
const jsonFields: ReadonlySet<string> = new Set(['context', 'collected']);

export function toTree(event: Readonly<Record<string, unknown>>): TreeNode[] {
  let nodeCount = 0;

  function toNode(name: string, value: unknown, level: number): TreeNode {
    nodeCount += 1;
    if (level === 1 && jsonFields.has(name) && typeof value === 'string') {
      const parsed = parseObject(value);
      if (parsed) return toBranch(name, 'JSON text', Object.entries(parsed), level);
    }
    if (typeof value !== 'object' || value === null || value === hidden) return toLeaf(name, value, level);
    if (level > maxLevels) return { ...toLeaf(name, '… deeper than this page shows', level), type: 'note' };
    if (Array.isArray(value))
      return toBranch(
        name,
        'array',
        value.map((one, at) => [String(at), one]),
        level,
      );
    return toBranch(name, 'object', Object.entries(value), level);
  }

  function toBranch(
    name: string,
    type: 'object' | 'array' | 'JSON text',
    entries: readonly (readonly [string, unknown])[],
    level: number,
  ): TreeNode {
    const children: TreeNode[] = [];
    for (const [childName, child] of entries) {
      if (children.length >= maxChildren || nodeCount >= maxNodes) break;
      children.push(toNode(childName, child, level + 1));
    }
    const isOpen = type !== 'array' || entries.length <= 10;
    return {
      kind: 'branch',
      name,
      type,
      count: entries.length,
      isOpen,
      children,
      moreCount: entries.length - children.length,
    };
  }

  return Object.entries(event).map(([name, value]) => toNode(name, value, 1));
}

function toLeaf(name: string, value: unknown, level: number): Extract<TreeNode, { kind: 'leaf' }> {
  if (value === hidden) return { kind: 'leaf', name, type: 'hidden', text: 'confidential', cutFrom: null, atMs: null };
  if (typeof value !== 'string') {
    const atMs = level === 1 && name.endsWith('_at') && typeof value === 'number' ? value : null;
    return {
      kind: 'leaf',
      name,
      type: value === null ? 'null' : typeof value,
      text: String(value),
      cutFrom: null,
      atMs,
    };
  }
  const isCut = value.length > maxTextLength;
  const text = isCut ? value.slice(0, maxTextLength) : value;
  return { kind: 'leaf', name, type: 'string', text, cutFrom: isCut ? value.length : null, atMs: null };
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
