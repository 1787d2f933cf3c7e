#include "trust/from_json.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/text.h"
#include "verify/digest.h"

static bool base64_of(const json_t *record, const char *name, uint8_t *out, size_t cap, size_t *len)
{
    const char *text = json_string_value(json_object_get(record, name));
    return text != NULL && text_unbase64(span_str(text), out, cap, len);
}

static bool target_of(const json_t *record, struct carule *rule)
{
    uint8_t name[4096];
    uint8_t serial[64];
    size_t name_len = 0;
    size_t serial_len = 0;
    if (base64_of(record, "issuerName", name, sizeof name, &name_len) &&
        base64_of(record, "serialNumber", serial, sizeof serial, &serial_len)) {
        const struct span pieces[2] = {span_of(name, name_len), span_of(serial, serial_len)};
        digest_sha256_pieces(pieces, 2, rule->hash);
        rule->target = CARULE_ISSUER_SERIAL;
        return true;
    }
    rule->target = CARULE_KEY;
    return base64_of(record, "pubKeyHash", serial, sizeof serial, &serial_len) && serial_len == 32 &&
           memcpy(rule->hash, serial, 32) != NULL;
}

static void take_record(const json_t *record, uint64_t nth, struct catake *take, uint32_t part,
                        struct catake_file *file)
{
    struct carule rule = {
        .store = VERDICT_MOZILLA, .kind = CARULE_BLOCKED, .class = CARULE_REVOKED, .label = "OneCRL"};
    json_int_t ms = json_integer_value(json_object_get(record, "last_modified"));
    if (!target_of(record, &rule)) {
        catake_unread(file, nth);
        return;
    }
    rule.limit = ms / 1000;
    rule.source = json_string_value(json_object_get(json_object_get(record, "details"), "bug"));
    if (ms > file->dated_ms)
        file->dated_ms = ms;
    catake_rule(take, part, &rule, json_is_false(json_object_get(record, "enabled")));
    file->taken++;
}

bool from_json_read(struct span text, struct catake *take, struct catake_file *file)
{
    json_t *root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *data = json_is_array(root) ? root : json_object_get(root, "data");
    const json_t *first = json_array_get(data, 0);
    bool ours = json_object_get(first, "issuerName") != NULL || json_object_get(first, "pubKeyHash") != NULL;
    if (ours) {
        file->dated_ms = 0; /* the newest record says it */
        uint32_t part = catake_part(take, "onecrl", 0);
        for (size_t i = 0; i < json_array_size(data); i++)
            take_record(json_array_get(data, i), i + 1, take, part, file);
        (void)catake_part(take, "onecrl", file->dated_ms);
    }
    json_decref(root);
    return ours;
}
