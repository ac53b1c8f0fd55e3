-- What wrk sends: one signed webhook after the other out of a file, each once. Every answer is
-- compared with the one that is right. Arguments: the file, the answer, where the figures go.

local requests, sent, expected = {}, 0, ""
wrong, sample = 0, ""

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for one in file:read("*a"):gmatch("%Z+") do
    requests[#requests + 1] = one
  end
  file:close()
  local answer = assert(io.open(arguments[2], "rb"))
  expected = answer:read("*a")
  answer:close()
  figures = arguments[3]
end

function request()
  if sent == #requests then
    wrk.thread:stop()
    return requests[sent]
  end
  sent = sent + 1
  return requests[sent]
end

function response(status, headers, body)
  if status ~= 200 or body ~= expected then
    wrong = wrong + 1
    if sample == "" then
      sample = status .. " " .. body:sub(1, 300)
    end
  end
end

function done(summary, latency, all)
  local wrong, sample = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
    sample = thread:get("sample")
  end
  local errors = summary.errors
  local file = assert(io.open(threads[1]:get("figures"), "w"))
  file:write(table.concat({
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    wrong, errors.connect + errors.read + errors.write + errors.timeout, sample,
  }, "\n"))
  file:close()
end
