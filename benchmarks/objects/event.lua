-- Events, each with an id of its own, and the result as JSON. wrk counts what it cannot send among
-- the errors, and so it does with answers that refuse (status).
local started, number = os.time(), 0

wrk.method = "POST"
wrk.body = '{"a": 1}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["ce-specversion"] = "1.0"
wrk.headers["ce-type"] = "greeting"
wrk.headers["ce-source"] = "bench"

function request()
  number = number + 1
  wrk.headers["ce-id"] = started .. "-" .. number
  return wrk.format()
end

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
