-- One call of hello-python, and the result as JSON. wrk counts what it cannot send among the errors.
wrk.method = "POST"
wrk.body = '{"a": 1}'
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency)
  local lost = 0
  for _, times in pairs(summary.errors) do
    lost = lost + times
  end
  io.write(string.format(
    '\n{"median_ms": %.4f, "p95_ms": %.4f, "rps": %.2f, "answers": %d, "lost": %d}\n',
    latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    summary.requests / summary.duration * 1e6, summary.requests, lost
  ))
end
