// Loaded before everything else (`node --import`) it moves a process's wall clock by CLOCK_SHIFT_MS, as a machine without
// time synchronisation would have it. The monotonic clock goes on as it is.
const shiftMs = Number(process.env.CLOCK_SHIFT_MS ?? 0);
const realNow = Date.now;
const now = () => realNow() + shiftMs;

Date.now = now;
globalThis.Date = new Proxy(Date, {
  apply: () => new Date(now()).toString(),
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
});
