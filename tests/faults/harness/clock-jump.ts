// Loaded before everything else (`node --import`) it moves the clocks of a process in the middle of its work, as CLOCK_JUMP
// says: `both:90000` and `both:-90000` move Date and performance.now, `date:90000` and `date:-90000` Date alone, at SIGUSR2.
// `suspended` is a virtual machine that was paused: its monotonic clock has stood still for as long as the process was stopped
// (SIGSTOP), and its Date has gone on.
const [mode = '', by = '0'] = (process.env.CLOCK_JUMP ?? '').split(':');
const jumpMs = Number(by);
const realDateNow = Date.now;
const realPerformanceNow = performance.now.bind(performance);
/** A process that was not looked at for so long was stopped. */
const stoppedMs = 3_000;

let dateShiftMs = 0;
let monotonicShiftMs = 0;
let lastSeenMs = realPerformanceNow();

const isSuspended = mode === 'suspended';
if (isSuspended) setInterval(performanceNow, 100).unref();
else if (mode !== '') {
  process.on('SIGUSR2', () => {
    dateShiftMs += jumpMs;
    if (mode === 'both') monotonicShiftMs += jumpMs;
  });
}

/** Whatever asks first after the process was stopped, this or the timer, leaves that time out. */
function performanceNow(): number {
  const realMs = realPerformanceNow();
  if (isSuspended && realMs - lastSeenMs > stoppedMs) monotonicShiftMs -= realMs - lastSeenMs;
  lastSeenMs = realMs;
  return realMs + monotonicShiftMs;
}

const dateNow = (): number => realDateNow() + dateShiftMs;

performance.now = performanceNow;
Date.now = dateNow;
globalThis.Date = new Proxy(Date, {
  apply: () => new Date(dateNow()).toString(),
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [dateNow()] : args, newTarget),
});

export {};
