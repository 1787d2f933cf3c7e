#include "ingest/gunzip.h"

#include <stdlib.h>
#include <zlib.h>

#define STEP_BYTES (256u << 10)

struct gunzip {
    z_stream stream;
    struct span salvage;
};

struct gunzip *gunzip_new(void)
{
    struct gunzip *gunzip = calloc(1, sizeof(*gunzip));
    if (gunzip == NULL)
        return NULL;
    if (inflateInit2(&gunzip->stream, 15 + 16) != Z_OK) { /* 16: a gzip header and nothing else */
        free(gunzip);
        return NULL;
    }
    return gunzip;
}

void gunzip_free(struct gunzip *gunzip)
{
    if (gunzip == NULL)
        return;
    inflateEnd(&gunzip->stream);
    free(gunzip);
}

bool gunzip_is_gzip(struct span bytes)
{
    return bytes.len >= 2 && bytes.at[0] == 0x1f && bytes.at[1] == 0x8b;
}

/* The output, grown in place as the last allocation of the arena. */
struct sink {
    struct arena *arena;
    uint8_t *at;
    size_t len;
    size_t cap;
    size_t most;
};

/* The step halves as the arena fills up, so that its last bytes are usable too. */
static bool sink_more(struct sink *sink)
{
    for (size_t step = STEP_BYTES; step != 0; step /= 2) {
        if (step > sink->most - sink->cap)
            continue;
        if (arena_grow(sink->arena, sink->at, sink->cap, sink->cap + step)) {
            sink->cap += step;
            return true;
        }
    }
    return false;
}

/* One member; false with `why` set on failure. */
static enum err_code member(z_stream *stream, struct sink *sink, struct err *why)
{
    int state = Z_OK;
    while (state != Z_STREAM_END) {
        if (sink->len == sink->cap && !sink_more(sink))
            return err_set(why, ERR_TOO_BIG, "the gzip body inflates to more than %zu bytes", sink->len);
        stream->next_out = sink->at + sink->len;
        stream->avail_out = (uInt)(sink->cap - sink->len > UINT32_MAX ? UINT32_MAX : sink->cap - sink->len);
        size_t room = stream->avail_out;
        state = inflate(stream, Z_NO_FLUSH);
        sink->len += room - stream->avail_out;
        bool starved = state == Z_BUF_ERROR && stream->avail_out != 0;
        if (starved || (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR))
            return err_set(why, ERR_FORMAT, "the gzip body is damaged or cut off");
    }
    return ERR_OK;
}

enum err_code gunzip_run(struct gunzip *gunzip, struct span bytes, struct arena *arena, size_t most,
                         struct span *out, struct err *why)
{
    z_stream *stream = &gunzip->stream;
    gunzip->salvage = SPAN_NONE;
    struct sink sink = {arena, arena_take(arena, 1, 1), 0, 1, most > 0 ? most : 1};
    if (sink.at == NULL)
        return err_set(why, ERR_TOO_BIG, "no room to inflate into");
    if (bytes.len > UINT32_MAX)
        return err_set(why, ERR_TOO_BIG, "the gzip body is larger than 4 GiB");
    stream->avail_in = (uInt)bytes.len;
    stream->next_in = (Bytef *)(uintptr_t)bytes.at;
    do {
        if (inflateReset(stream) != Z_OK)
            return err_set(why, ERR_FORMAT, "zlib refused to start");
        enum err_code code = member(stream, &sink, why);
        if (code == ERR_FORMAT)
            gunzip->salvage = span_of(sink.at, sink.len);
        if (code != ERR_OK)
            return code;
    } while (stream->avail_in != 0);
    *out = span_of(sink.at, sink.len);
    return ERR_OK;
}

struct span gunzip_salvage(const struct gunzip *gunzip)
{
    return gunzip->salvage;
}
