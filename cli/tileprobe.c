#include "cli/tileprobe.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/say.h"
#include "cli/contact.h"
#include "cli/manners.h"
#include "db/db_tiles.h"
#include "ingest/gunzip.h"
#include "ingest/proto.h"
#include "parser/tile.h"

#define TILEPROBE_MS 30000

/* Are these bytes a full data tile? */
static bool tileprobe_read(const struct ctlog *log, struct span body)
{
    struct batch batch;
    struct err why = {0};
    struct gunzip *gunzip = gunzip_new();
    bool read = false;

    if (gunzip == NULL || !batch_init(&batch, 2 * (size_t)LIMIT_BATCH_BYTES)) {
        gunzip_free(gunzip);
        return false;
    }
    batch_reset(&batch);
    batch.log = log;
    batch.begin = 0;
    batch.end = TILE_WIDTH;
    enum err_code code = ERR_OK;
    if (gunzip_is_gzip(body))
        code = gunzip_run(gunzip, body, &batch.arena, LIMIT_BATCH_BYTES, &batch.body, &why);
    else
        batch.body = body;
    if (code == ERR_OK)
        code = proto_tile(CTLOG_HYBRID)->decode(&batch, TILE_WIDTH, &why);
    read = code == ERR_OK && batch.entry_count == TILE_WIDTH;
    batch_fini(&batch);
    gunzip_free(gunzip);
    return read;
}

enum err_code tileprobe_look(const struct conf *conf, struct pgconn *conn, const char *dsn,
                             const atomic_bool *stop, struct err *why)
{
    struct ctlog log;
    bool found = false;
    char url[PROTO_URL_MAX];
    struct ask ask = {.url = url, .ceiling = LIMIT_BATCH_BYTES};
    enum db_tiles tiles = DB_TILES_UNKNOWN;
    enum err_code code = db_tiles_due(conn, &log, &found, why);

    if (code != ERR_OK || !found)
        return code;
    if (!contact_allows(conf, log.url))
        return db_tiles_note(conn, log.id, DB_TILES_UNKNOWN, why); /* another day */
    proto_tile(CTLOG_HYBRID)->entries_url(&log, 0, TILE_WIDTH, TILE_WIDTH, url);
    code = manners_ask(conf, dsn, &(const struct ctlog *){&log}, &ask, 1, TILEPROBE_MS, stop, why);
    if (code == ERR_OK && ask.code == ERR_OK)
        tiles = tileprobe_read(&log, ask.body) ? DB_TILES_THERE : DB_TILES_NONE;
    else if (code == ERR_OK && ask.status >= 400 && ask.status < 500 && ask.status != 429)
        tiles = DB_TILES_NONE;
    ask_fini(&ask, 1);
    if (code != ERR_OK || atomic_load(stop))
        return code;
    if (tiles == DB_TILES_THERE)
        say_info(log.name, "it has data tiles under the same URL: entries come by them from now on");
    return db_tiles_note(conn, log.id, tiles, why);
}
