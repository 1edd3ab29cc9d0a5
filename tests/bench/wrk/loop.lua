-- The same request again and again on every connection; at the end one line of JSON for wrk.py.

function done(summary, latency, requests)
    local errors = summary.errors
    print(string.format(
        '{"answers":%d,"bytes":%d,"microseconds":%d,"refused":%d,"broken":%d,"median":%d,"slowest":%d}',
        summary.requests, summary.bytes, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency.max))
end
