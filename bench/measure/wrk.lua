-- Requests from a file, in turn; the outcome as one line of JSON.
--
--	wrk ... -s wrk.lua URL -- FILE
--
-- A line of FILE is method, path and body, with a tab between them; the body
-- may be empty.

local requests = {}
local at = 0

function init(args)
	for line in io.lines(args[1]) do
		local method, path, body = line:match("^(%S+)\t([^\t]*)\t(.*)$")
		local headers = {}
		if body == "" then
			body = nil
		else
			headers["Content-Type"] = "application/json"
			headers["Prefer"] = "return=minimal"
		end
		requests[#requests + 1] = wrk.format(method, path, headers, body)
	end
end

function request()
	at = at % #requests + 1
	return requests[at]
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format(
		'{"requests":%d,"bytes":%d,"seconds":%.6f,"errors":%d,' ..
			'"p50_ms":%.4f,"p99_ms":%.4f}\n',
		summary.requests, summary.bytes, summary.duration / 1e6,
		e.connect + e.read + e.write + e.timeout + e.status,
		latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
