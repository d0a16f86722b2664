"""The arithmetic of :mod:`~plangrep_async.ratelimit.bucket` as a script that Redis runs in one piece.

Atomic: Redis runs nothing else meanwhile, and a client that dies leaves whole steps behind. The time is that of Redis,
so the clocks of the clients do not matter. Every key expires, so a name that is no longer used leaves nothing behind.

A window's log is a sorted set, scored by the moment at which tokens come back; members are ``<number>:<tokens>``.
Beside it is a hash: ``used`` tokens in the log, the last entry's ``number``, and the moment ``until`` which tokens join
the last entry; while a reset of the server is followed, ``resets``, ``guard`` and the server's ``count``; and ``since``
when the server's present window counts.
"""

SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local request = cjson.decode(ARGV[1])
local gates = KEYS[1]

local function text(number)
    return string.format('%.6f', number)
end

local function count_of(member)
    return tonumber(string.match(member, ':(%d+)$'))
end

local function remove(window, member)
    redis.call('ZREM', window.log, member)
    window.used = window.used - count_of(member)
end

local function add(window, back, count)
    window.number = window.number + 1
    redis.call('ZADD', window.log, text(back), string.format('%d:%d', window.number, count))
    window.used = window.used + count
end

local function load(index, rate)
    local window = {padded = rate[1], limit = rate[2], resolution = rate[3],
                    log = KEYS[index * 2], meta = KEYS[index * 2 + 1]}
    local meta = redis.call('HMGET', window.meta, 'used', 'number', 'until', 'resets', 'guard', 'count', 'since')
    window.used = tonumber(meta[1] or 0)
    window.number = tonumber(meta[2] or 0)
    window.joined = tonumber(meta[3] or 0)
    window.resets = tonumber(meta[4] or 0)
    window.guard = tonumber(meta[5] or 0)
    window.count = tonumber(meta[6] or 0)
    window.since = tonumber(meta[7] or 0)
    local gone = now
    local passed = window.resets > 0 and now >= window.resets
    if passed then
        gone = math.max(now, window.guard + window.padded - 0.000001)
        window.since = window.guard
        window.resets = 0
        window.guard = 0
    end
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', window.log, '-inf', text(gone))) do
        remove(window, member)
    end
    return window
end

local function save(window)
    redis.call('HSET', window.meta, 'used', window.used, 'number', window.number, 'until', text(window.joined),
               'resets', text(window.resets), 'guard', text(window.guard), 'count', window.count,
               'since', text(window.since))
    local life = math.ceil((window.padded + 60) * 1000)
    redis.call('PEXPIRE', window.meta, life)
    redis.call('PEXPIRE', window.log, life)
end

local function taken(window)
    if window.resets > 0 then
        return window.count
    end
    return window.used
end

local function wait_for(window, cost)
    local missing = taken(window) + cost - window.limit
    if missing <= 0 then
        return 0
    end
    if window.resets > 0 then
        return window.resets - now
    end
    local start = 0
    while true do
        local page = redis.call('ZRANGE', window.log, start, start + 99, 'WITHSCORES')
        if #page == 0 then
            return window.padded
        end
        for at = 1, #page, 2 do
            missing = missing - count_of(page[at])
            if missing <= 0 then
                return math.max(tonumber(page[at + 1]) - now, 0.000001)
            end
        end
        start = start + 100
    end
end

local function take(window, cost)
    window.count = window.count + cost
    local last = redis.call('ZRANGE', window.log, -1, -1, 'WITHSCORES')
    local back = now + window.padded
    if last[2] then
        back = math.max(back, tonumber(last[2]))  -- the clock of a Redis may be set back
        if now <= window.joined then
            remove(window, last[1])
            add(window, back, cost + count_of(last[1]))
            return
        end
    end
    add(window, back, cost)
    window.joined = now + window.resolution
    if window.guard > now and window.joined >= window.guard then
        window.joined = window.guard - 0.000002
    end
end

local function drop_oldest(window, tokens)
    while tokens > 0 do
        local first = redis.call('ZRANGE', window.log, 0, 0, 'WITHSCORES')
        if not first[1] then
            return
        end
        local count = count_of(first[1])
        remove(window, first[1])
        if count > tokens then
            add(window, tonumber(first[2]), count - tokens)
        end
        tokens = tokens - count
    end
end

local function give_back(window, cost, age)
    if age < window.padded then
        drop_oldest(window, cost)
    end
    if now - age >= window.since then
        window.count = math.max(0, window.count - cost)
    end
end

local function correct(window, remaining, settling, back_in, follow, guard)
    if not follow and window.resets > 0 then
        window.resets = 0
        window.guard = 0
    end
    if remaining >= 0 then
        local counted = math.max(0, window.limit - remaining)
        local known = taken(window)
        if counted > known then
            if window.resets <= 0 then
                local wait = window.padded
                if back_in >= 0 then
                    wait = math.min(back_in, window.padded)
                end
                add(window, now + wait, counted - known)
            end
            window.count = counted
        elseif settling >= 0 and settling < window.padded then
            local fresh = 0
            local since = text(now - settling + window.padded)
            for _, member in ipairs(redis.call('ZRANGEBYSCORE', window.log, since, '+inf')) do
                fresh = fresh + count_of(member)
            end
            local surplus = known - counted - fresh
            if surplus > 0 then
                if window.resets <= 0 then
                    drop_oldest(window, surplus)
                end
                window.count = known - surplus
            end
        end
    end
    if follow then
        if window.resets <= 0 then
            window.count = window.used
        end
        window.resets = now + back_in
        window.guard = window.resets - guard
        window.joined = math.min(window.joined, window.guard - 0.000002)
    end
end

local windows = {}
for index, rate in ipairs(request.windows) do
    windows[index] = load(index, rate)
end

for _, note in ipairs(request.notes) do
    if note[1] == 'gate' then
        local known = tonumber(redis.call('HGET', gates, note[2]) or 0)
        redis.call('HSET', gates, note[2], text(math.max(known, now + note[3])))
        local life = math.ceil((note[3] + 60) * 1000)
        redis.call('PEXPIRE', gates, math.max(life, redis.call('PTTL', gates)))
    elseif note[1] == 'back' then
        for _, index in ipairs(note[4]) do
            give_back(windows[index], note[2], note[3])
        end
    else
        correct(windows[note[2]], note[3], note[4], note[5], note[6], note[7])
    end
end

local verdicts = {}
local held = {}
for index, ask in ipairs(request.asks) do
    local wait, gate = 0, ''
    for _, kind in ipairs(ask[3]) do
        local left = tonumber(redis.call('HGET', gates, kind) or 0) - now
        if left > wait then
            wait, gate = left, kind
        end
    end
    for _, number in ipairs(ask[2]) do
        wait = math.max(wait, wait_for(windows[number], ask[1]))
    end
    wait = math.max(wait, held[ask[4]] or 0)
    if wait > 0 then
        held[ask[4]] = wait  -- those that come after it wait at least as long
    else
        for _, number in ipairs(ask[2]) do
            take(windows[number], ask[1])
        end
    end
    verdicts[index] = {text(wait), gate}
end

for _, window in ipairs(windows) do
    save(window)
end
return verdicts
"""
