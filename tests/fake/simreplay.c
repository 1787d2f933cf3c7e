#include "simreplay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/text.h"

/* The decoded bytes of a base64 member; absent when it is not there. False: it is no base64. Free(out->at).
 */
static bool simreplay_member(const json_t *row, const char *name, struct buf *out)
{
    const json_t *value = json_object_get(row, name);
    size_t length = 0;
    uint8_t *room;

    if (!json_is_string(value))
        return false;
    room = buf_room(out, json_string_length(value) / 4 * 3 + 3);
    if (room == NULL ||
        !text_unbase64(span_of(json_string_value(value), json_string_length(value)), room, out->len, &length))
        return false;
    out->len = length;
    return true;
}

static void simreplay_append_rfc6962(struct simlog *log, struct span leaf, struct span extra)
{
    struct simform form;
    bool readable = simform_read(leaf, extra, &form);

    simlog_write(log);
    if (readable)
        (void)simlog_append(log, leaf, form.precert.at != NULL ? &form.precert : NULL,
                            simlog_chain(log, form.chain, form.chain_count));
    else
        (void)simlog_append(log, leaf, NULL, simlog_chain_raw(log, extra));
    simlog_done(log);
}

static enum err_code simreplay_append_tile(struct simlog *log, struct cur *tile, struct err *why)
{
    struct simform form;
    struct buf leaf;

    if (!simform_read_tile(tile, &form))
        return err_set(why, ERR_FORMAT, "not a TileLeaf");
    buf_init(&leaf, SIMLOG_ENTRY_MAX);
    buf_u16(&leaf, 0);
    buf_put(&leaf, form.leaf);
    must(buf_ok(&leaf));
    simlog_write(log);
    (void)simlog_append(log, buf_span(&leaf), form.precert.at != NULL ? &form.precert : NULL,
                        simlog_chain_fingerprints(log, form.fingerprints));
    simlog_done(log);
    buf_fini(&leaf);
    return ERR_OK;
}

static enum err_code simreplay_object(struct simlog *log, const json_t *row, struct err *why)
{
    struct buf first, second;
    enum err_code code = ERR_OK;

    buf_init(&first, 2 * SIMLOG_ENTRY_MAX);
    buf_init(&second, 2 * SIMLOG_ENTRY_MAX);
    if (simreplay_member(row, "tile_leaf", &first)) {
        struct cur tile = cur_of(buf_span(&first));
        code = simreplay_append_tile(log, &tile, why);
    } else if (simreplay_member(row, "leaf_input", &first) && simreplay_member(row, "extra_data", &second) &&
               first.len <= SIMLOG_ENTRY_MAX && second.len <= SIMLOG_ENTRY_MAX) {
        simreplay_append_rfc6962(log, buf_span(&first), buf_span(&second));
    } else {
        code = err_set(why, ERR_FORMAT,
                       "neither tile_leaf nor leaf_input and extra_data in base64, of up to %u bytes each",
                       SIMLOG_ENTRY_MAX);
    }
    buf_fini(&first);
    buf_fini(&second);
    return code;
}

enum err_code simreplay_row(struct simlog *log, struct span row, struct err *why)
{
    json_error_t error;
    json_t *object = json_loadb((const char *)row.at, row.len, 0, &error);
    enum err_code code;

    if (object == NULL)
        return err_set(why, ERR_FORMAT, "not JSON: %s", error.text);
    code = simreplay_object(log, object, why);
    json_decref(object);
    return code;
}

static enum err_code simreplay_load(const char *path, struct buf *out, struct err *why)
{
    FILE *file = fopen(path, "rb");
    enum err_code code = ERR_OK;
    uint8_t block[65536];
    size_t got;

    if (file == NULL)
        return err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buf_put(out, span_of(block, got));
    if (ferror(file) != 0)
        code = err_set(why, ERR_SYSTEM, "%s: cannot be read", path);
    else if (!buf_ok(out))
        code = err_set(why, ERR_TOO_BIG, "%s: more than %u bytes", path, SIMREPLAY_FILE_MAX);
    (void)fclose(file);
    return code;
}

static enum err_code simreplay_lines(struct simlog *log, struct span text, uint64_t *count, struct err *why)
{
    enum err_code code = ERR_OK;

    for (uint64_t number = 1; text.len > 0 && code == ERR_OK; number++) {
        const uint8_t *newline = memchr(text.at, '\n', text.len);
        size_t length = newline == NULL ? text.len : (size_t)(newline - text.at);
        struct span line = span_part(text, 0, length);
        text = span_part(text, newline == NULL ? length : length + 1, text.len);
        if (line.len == 0)
            continue;
        code = simreplay_row(log, line, why);
        if (code != ERR_OK)
            return err_prefix(why, "line %" PRIu64, number);
        ++*count;
    }
    return code;
}

enum err_code simreplay_file(struct simlog *log, const char *path, uint64_t *count, struct err *why)
{
    struct buf text;
    enum err_code code;

    buf_init(&text, SIMREPLAY_FILE_MAX);
    *count = 0;
    code = simreplay_load(path, &text, why);
    if (code == ERR_OK && text.len > 0 && text.at[0] == '{') {
        code = simreplay_lines(log, buf_span(&text), count, why);
        if (code != ERR_OK)
            (void)err_prefix(why, "%s", path);
    } else if (code == ERR_OK) {
        struct cur tile = cur_of(buf_span(&text));
        while (code == ERR_OK && cur_left(&tile) > 0) {
            code = simreplay_append_tile(log, &tile, why);
            *count += code == ERR_OK ? 1 : 0;
        }
        if (code != ERR_OK)
            (void)err_prefix(why, "%s: neither JSON lines nor a data tile, entry %" PRIu64, path, *count);
    }
    buf_fini(&text);
    return code;
}
