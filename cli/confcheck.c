#include "cli/confcheck.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/partkeeper.h"
#include "ingest/listfetch.h"
#include "ingest/opkey.h"
#include "ingest/sources.h"
#include "watcher/blocklist.h"

#define CONFCHECK_SEPARATORS ", \t\r\n"

static enum err_code confcheck_readable(const char *path, struct err *why)
{
    if (access(path, R_OK) == 0)
        return ERR_OK;
    return err_set(why, ERR_CONFIG, "ingest.log_list: %s: %s", path, strerror(errno));
}

enum err_code confcheck_places(const struct conf *conf, struct err *why)
{
    const char *named = conf->ingest.log_list;
    struct blocklist *blocklist = NULL;
    struct listfetch_source source;
    struct sources sources;
    struct partkeeper_hours hours;
    enum err_code code = sources_read(conf->ingest.source_addresses, &sources, why);

    if (code == ERR_OK && conf->watch.blocklist[0] != '\0')
        code = blocklist_read(conf->watch.blocklist, &blocklist, why);
    blocklist_unpin(blocklist);
    if (code == ERR_OK)
        code = partkeeper_read_hours(conf->db.maintain_hours, &hours, why);
    if (code != ERR_OK || named[0] == '\0' || strcmp(named, "none") == 0)
        return code;
    code = listfetch_source(named, conf->ingest.log_list_key, &source, why);
    if (code == ERR_OK && source.file)
        code = confcheck_readable(source.place, why);
    if (code == ERR_OK && source.file && source.is_signed)
        code = confcheck_readable(source.signature, why);
    return code;
}

bool confcheck_next(const struct conf *conf, size_t *at, char text[CONFCHECK_TEXT_MAX])
{
    const struct {
        const char *key, *list;
    } rows[] = {{"ingest.http2", conf->ingest.http2}, {"ingest.no_keepalive", conf->ingest.no_keepalive}};
    size_t seen = 0;

    for (size_t i = 0; i < countof(rows); i++) {
        const char *list = rows[i].list;
        for (list += strspn(list, CONFCHECK_SEPARATORS); *list != '\0';
             list += strspn(list, CONFCHECK_SEPARATORS)) {
            char name[PACE_OPERATOR_MAX];
            char key[PACE_OPERATOR_MAX];
            size_t len = strcspn(list, CONFCHECK_SEPARATORS);
            (void)snprintf(name, sizeof name, "%.*s", (int)len, list);
            list += len;
            opkey_of(name, "", key); /* lower case */
            if (seen++ < *at || (len < sizeof name && opkey_known(key) != NULL))
                continue;
            *at = seen;
            (void)snprintf(
                text, CONFCHECK_TEXT_MAX,
                "%s: '%s' is no operator that is known from the start; it does nothing unless a log"
                " has it as operator in 'ctvigil log status --json' (pace)",
                rows[i].key, name);
            return true;
        }
    }
    return false;
}
