// Lengths of time in the words of the page, as internal/locale says them: the two largest units, rounded down.
export function duration(milliseconds) {
  const [day, hour, minute, second] = (document.body.dataset.units ?? "d|h|min|s").split("|");
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const d = Math.floor(seconds / 86400), h = Math.floor(seconds / 3600) % 24, m = Math.floor(seconds / 60) % 60;
  const two = (a, unitA, b, unitB) => `${a} ${unitA}` + (b > 0 ? ` ${b} ${unitB}` : "");
  if (d > 0) return two(d, day, h, hour);
  if (h > 0) return two(h, hour, m, minute);
  if (m > 0) return `${m} ${minute}`;
  return `${seconds} ${second}`;
}

// every calls back each half minute until the returned function is called; all share one timer.
const waiting = new Set();
let timer = null;

export function every(callback) {
  waiting.add(callback);
  timer ??= setInterval(() => waiting.forEach((call) => call()), 30_000);
  return () => {
    waiting.delete(callback);
    if (waiting.size === 0) {
      clearInterval(timer);
      timer = null;
    }
  };
}
