import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { defaultPorts, describeTaken, freePorts, portsWithOffset, requireFreePorts } from './ports.ts';

it('moves every port by the offset but those that were set explicitly', () => {
  const ports = portsWithOffset(100, { ingest: 7000 });
  expect(ports.kafka).toBe(9192);
  expect(ports.dispatcherOps).toBe(9204);
  expect(ports.ingest).toBe(7000);
});

it('gives each thing a port of its own, and two copies 100 apart none in common', () => {
  const all = [...Object.values(defaultPorts), ...Object.values(portsWithOffset(100))];
  expect(new Set(all).size).toBe(all.length);
});

it('refuses an offset that leads beyond the last port', () => {
  expect(() => portsWithOffset(60_000)).toThrow(expect.objectContaining({ code: 'settings_invalid' }));
});

it('finds free ports outside the range from which the system takes outgoing ones', async () => {
  const ports = await freePorts();
  const numbers = Object.values(ports);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const port of numbers) expect(port).toBeGreaterThanOrEqual(20_000);
  for (const port of numbers) expect(port).toBeLessThan(32_000);
});

it('names the port that is taken, what it is for and the variable that replaces it', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const ports = { ...(await freePorts()), kafka: port };
  await expect(requireFreePorts(ports, ['kafka', 'postgres'])).rejects.toMatchObject({ code: 'port_taken' });
  await new Promise((resolve) => server.close(resolve));
  await requireFreePorts(ports, ['kafka', 'postgres']);

  const sentence = describeTaken(ports, ['kafka']);
  expect(sentence).toContain(`Port ${port} (Kafka) is taken`);
  expect(sentence).toContain('POSTHORN_PORT_OFFSET=100');
  expect(sentence).toContain('KAFKA_BROKERS');
});
