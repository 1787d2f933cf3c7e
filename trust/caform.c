#include "trust/caform.h"

#include <stdio.h>

#include "trust/csvread.h"
#include "trust/from_tables.h"

struct table {
    const char *name;
    const char *columns; /* it has all of them */
    void (*read)(struct csvread *csv, struct catake *take, struct catake_file *file);
    const char *sentence;
};

static const struct table tables[] = {
    {"distrust-table", "spki_sha256,store,rule,class,effective_date", from_tables_distrust,
     "keys that stores turned away, one row for key and store"},
    {"roots-by-store", "cert_sha256,spki_sha256,mozilla_tls,chrome,apple_2025_12", from_tables_roots,
     "roots of the four stores, one row for each"},
    {"ca-hashes", "cert_sha256,spki_sha256,subject_sha256,self_issued", from_tables_certs,
     "CA certificates by their hashes"},
    {"ca-edges", "child_cert_sha256,parent_cert_sha256", from_tables_edges,
     "which CA certificate certifies which"},
    {"chromium-blocked", "spki_sha256,known_cert_sha256", from_tables_blocked, "keys that Chromium blocks"},
    {"chromium-interception", "spki_sha256,known", from_tables_blocked,
     "keys that Chromium knows from interception"},
    {"onecrl-table", "type,issuer_or_subject_der_b64,serial_or_spki_sha256,enabled", from_tables_onecrl,
     "Mozilla's list of revoked CA certificates, as a table"},
    {"caa-keys", "issuer_spki_sha256,caa_domains", from_tables_caa,
     "keys of CAs by their names in CAA records"},
};

static bool read_table(uint8_t *bytes, size_t len, struct catake *take, struct catake_file *file)
{
    struct csvread csv;
    if (!csvread_init(&csv, bytes, len))
        return false;
    for (size_t i = 0; i < countof(tables); i++) {
        if (!csvread_has(&csv, tables[i].columns))
            continue;
        (void)snprintf(file->form, sizeof file->form, "%s", tables[i].name);
        tables[i].read(&csv, take, file);
        return true;
    }
    return false;
}

void caform_read(const char *name, uint8_t *bytes, size_t len, int64_t mtime_ms, struct catake *take)
{
    struct catake_file *file = catake_file(take, name);
    file->dated_ms = mtime_ms;
    if (!read_table(bytes, len, take, file))
        (void)snprintf(file->note, sizeof file->note, "not a form that is known");
}

const char *caform_name(size_t at, const char **sentence)
{
    if (at >= countof(tables))
        return NULL;
    *sentence = tables[at].sentence;
    return tables[at].name;
}
