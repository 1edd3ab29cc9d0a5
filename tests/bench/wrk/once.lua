-- One request on each connection, at its own planned moment whatever became of the others; at the end one line of
-- JSON for wrk.py. Arguments: seconds until the first one, milliseconds between two, a file with a path a line.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds; long nanoseconds; } moment_t;
    int clock_gettime(int clock, moment_t *moment);
]]

local MONOTONIC = 1
local NEVER = 3600 * 1000

local thread_of_all

local function now()
    local moment = ffi.new("moment_t")
    ffi.C.clock_gettime(MONOTONIC, moment)
    return tonumber(moment.seconds) * 1000 + tonumber(moment.nanoseconds) / 1e6
end

function setup(thread)
    thread_of_all = thread
end

function init(arguments)
    start = now() + arguments[1] * 1000
    interval = tonumber(arguments[2])
    paths = {}
    for path in io.lines(arguments[3]) do
        paths[#paths + 1] = path
    end
    planned, answered = 0, 0
    asked = -1 -- wrk asks for one request before it begins, to look at it
    first_asked, last_asked, last_answered = 0, 0, 0
    statuses, caches = {}, {}
end

function delay()
    planned = planned + 1
    if planned > #paths then
        return NEVER
    end
    return math.max(0, math.floor(start + (planned - 1) * interval - now()))
end

function request()
    asked = asked + 1
    if asked == 1 then
        first_asked = now()
    end
    last_asked = now()
    return wrk.format("GET", paths[math.max(asked, 1)])
end

function response(status, headers)
    local cache = headers["X-Cache"] or "-"
    statuses[status] = (statuses[status] or 0) + 1
    caches[cache] = (caches[cache] or 0) + 1
    answered = answered + 1
    last_answered = now()
    if answered == #paths then
        wrk.thread:stop()
    end
end

local function object(counts)
    local members = {}
    for name, count in pairs(counts) do
        members[#members + 1] = string.format('"%s":%d', name, count)
    end
    return "{" .. table.concat(members, ",") .. "}"
end

function done(summary, latency)
    local errors, thread = summary.errors, thread_of_all
    print(string.format(
        '{"asked":%d,"broken":%d,"median":%d,"slowest":%d,"milliseconds_asking":%.0f,"milliseconds":%.0f,'
            .. '"statuses":%s,"caches":%s}',
        thread:get("asked"), errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency.max, thread:get("last_asked") - thread:get("first_asked"),
        thread:get("last_answered") - thread:get("first_asked"),
        object(thread:get("statuses")), object(thread:get("caches"))))
end
