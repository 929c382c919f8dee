// Runs one program to its end, and tells what it said when it failed.
import { spawn } from 'node:child_process';
import process from 'node:process';

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ code: number | null, output: string, missing: boolean }>} `missing`: there is no such program
 */
export function run(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    // Ctrl-C reaches the child by itself (same process group); a signal sent to this process alone has to be handed on.
    const forward = () => child.kill('SIGTERM');
    process.once('SIGTERM', forward);
    child.on('error', (error) => {
      process.off('SIGTERM', forward);
      if (error.code === 'ENOENT') done({ code: null, output: '', missing: true });
      else fail(error);
    });
    child.on('close', (code) => {
      process.off('SIGTERM', forward);
      done({ code, output, missing: false });
    });
  });
}

/** The last lines of what a program printed, indented, for an error message. */
export function tail(output, lineCount = 15) {
  return output
    .trim()
    .split('\n')
    .slice(-lineCount)
    .map((line) => `    ${line}`)
    .join('\n');
}
