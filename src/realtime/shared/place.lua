-- Puts one node's tabs of one account into the shared view, in one step.
--
-- KEYS[1]  websocket:user:ID            the view itself: {"connections":[...]}
-- KEYS[2]  {websocket:user:ID}:nodes    which node holds which connections, and until when that is believed
--          (the braces put it into the slot of KEYS[1], in a cluster)
-- ARGV     node, time to live in ms, most connections (0: any number), the connection that must stay ("": none),
--          the node's tabs as JSON: [[sessionId, connectTime, lastHeartbeat, browser, ip], ...],
--          the nodes that live as JSON: ["1", ...] (none: not known)
-- Gives    whether the node's earlier tabs were still there (1 or 0), and the connections beyond the limit, those that
--          were silent longest first, those of nodes that are gone before all others.
--
-- A node tells all its tabs each time, so whatever was lost is repaired by the next call. Tabs of a node that has not told
-- anything for its time to live are dropped.

local node, ttl, most, stays = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local lives, is_known = {}, false
for _, one in ipairs(cjson.decode(ARGV[6])) do lives[one], is_known = true, true end

local known, elsewhere, gone = 0, {}, {}
local places = redis.call('HGETALL', KEYS[2])
for at = 1, #places, 2 do
    local place = cjson.decode(places[at + 1])
    if places[at] == node then
        known = 1
    elseif place.till <= now then
        redis.call('HDEL', KEYS[2], places[at])
    else
        for _, id in ipairs(place.ids) do
            elsewhere[id] = true
            -- Its node has died, and its page is most likely back already on another one.
            gone[id] = is_known and not lives[places[at]]
        end
    end
end

local all, ids = {}, {}
local value = redis.call('GET', KEYS[1])
if value then
    for _, tab in ipairs(cjson.decode(value).connections) do
        if elsewhere[tab.sessionId] then
            all[#all + 1] = { tab.sessionId, tab.connectTime, tab.lastHeartbeat, tab.browser, tab.ip }
        end
    end
end
for _, tab in ipairs(cjson.decode(ARGV[5])) do
    if not elsewhere[tab[1]] then
        all[#all + 1] = tab
        ids[#ids + 1] = tab[1]
    end
end

if #ids > 0 then
    redis.call('HSET', KEYS[2], node, cjson.encode({ till = now + ttl, ids = ids }))
else
    redis.call('HDEL', KEYS[2], node)
end
if #all == 0 then
    redis.call('DEL', KEYS[1], KEYS[2])
    return { known, {} }
end

local function earlier(one, other, by)
    if one[by] ~= other[by] then return one[by] < other[by] end
    if one[2] ~= other[2] then return one[2] < other[2] end
    return one[1] < other[1]
end

table.sort(all, function(one, other) return earlier(one, other, 2) end)
local texts = {}
for at, tab in ipairs(all) do
    texts[at] = string.format('{"sessionId":%s,"connectTime":%.0f,"lastHeartbeat":%.0f,"browser":%s,"ip":%s}',
        cjson.encode(tab[1]), tab[2], tab[3], cjson.encode(tab[4]), cjson.encode(tab[5]))
end
redis.call('SET', KEYS[1], '{"connections":[' .. table.concat(texts, ',') .. ']}', 'PX', ttl)
redis.call('PEXPIRE', KEYS[2], ttl)

local beyond = {}
if most > 0 and #all > most then
    table.sort(all, function(one, other)
        local first, second = gone[one[1]] or false, gone[other[1]] or false
        if first ~= second then return first end
        return earlier(one, other, 3)
    end)
    for _, tab in ipairs(all) do
        if #all - #beyond > most and tab[1] ~= stays then beyond[#beyond + 1] = tab[1] end
    end
end
return { known, beyond }
