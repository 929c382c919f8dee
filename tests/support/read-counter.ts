// The value of a counter for some of its labels; 0 when it has none with them.
import type { Registry } from '../../lib/metrics.ts';

export async function readCounter(
  registry: Registry,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  const metric = await registry.getSingleMetric(name)?.get();
  const wanted = Object.entries(labels);
  return (metric?.values ?? [])
    .filter((one) => wanted.every(([label, value]) => Reflect.get(one.labels, label) === value))
    .reduce((sum, { value }) => sum + value, 0);
}
