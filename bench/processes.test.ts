import { describe, expect, it } from 'vitest';
import { busyOfStat, bytesOfStatus, cpuOfStat, readFamilyUsage, readUsage } from './processes.ts';

describe('what /proc says', () => {
  it('adds user and system time of a process and its ended children, whatever its name holds', () => {
    const stat = '42 (a (strange) name) S 1 42 42 0 -1 4194560 5000 0 3 0 120 30 4 1 20 0 11 0 8000 1000 2000';
    expect(cpuOfStat(stat)).toBe((120 + 30 + 4 + 1) * 10);
  });

  it('reads a size in bytes and takes none for 0', () => {
    expect(bytesOfStatus('Name:\tnode\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n', 'VmHWM')).toBe(2048 * 1024);
    expect(bytesOfStatus('Name:\tkthread\n', 'VmHWM')).toBe(0);
  });

  it('counts no waiting as work of the machine', () => {
    expect(busyOfStat('cpu  100 1 20 9000 500 3 4 5 0 0\ncpu0 1 2 3\n')).toBe((100 + 1 + 20 + 3 + 4 + 5) * 10);
  });

  it.runIf(process.platform === 'linux')('measures this very process', () => {
    const before = readUsage(process.pid);
    // Three of /proc's ticks of work, however long others keep this process from it.
    const { user, system } = process.cpuUsage();
    for (let used = 0; used < 30_000; ) {
      const now = process.cpuUsage();
      used = now.user - user + now.system - system;
    }
    expect(readUsage(process.pid).cpuMs).toBeGreaterThan(before.cpuMs);
    expect(before.memoryBytes).toBeGreaterThan(10_000_000);
    expect(readFamilyUsage(process.pid).memoryBytes).toBeGreaterThan(10_000_000);
  });
});
