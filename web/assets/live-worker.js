// One stream of server-sent events for all tabs: a browser opens at most six connections to a host.
const ports = new Set();
let source = null;

const tell = (message) => ports.forEach((port) => port.postMessage(message));

function open() {
  if (source && source.readyState !== EventSource.CLOSED) return;
  source = new EventSource("/live");
  for (const type of ["ticket", "bell"]) source.addEventListener(type, (event) => tell({ type, data: event.data }));
}

self.addEventListener("connect", (event) => {
  const [port] = event.ports;
  ports.add(port);
  port.addEventListener("message", ({ data }) => {
    if (data !== "close") return;
    ports.delete(port);
    if (ports.size === 0 && source) {
      source.close();
      source = null;
    }
  });
  port.start();
  open();
});
