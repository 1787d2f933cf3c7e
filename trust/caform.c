#include "trust/caform.h"

#include <inttypes.h>
#include <stdio.h>

#include "trust/builtin.h"
#include "trust/csvread.h"
#include "trust/from_ccadb.h"
#include "trust/from_chrome.h"
#include "trust/from_ctl.h"
#include "trust/from_json.h"
#include "trust/from_nss.h"
#include "trust/from_tables.h"

#define UNREAD_PART 100 /* more than one row in so many */

struct table {
    const char *name;
    const char *columns; /* it has all of them */
    void (*read)(struct csvread *csv, struct catake *take, struct catake_file *file);
};

static const struct table tables[] = {
    {"distrust-table", "spki_sha256,store,rule,class,effective_date", from_tables_distrust},
    {"roots-by-store", "cert_sha256,spki_sha256,mozilla_tls,chrome,apple_2025_12", from_tables_roots},
    {"ca-hashes", "cert_sha256,spki_sha256,subject_sha256,self_issued", from_tables_certs},
    {"ca-edges", "child_cert_sha256,parent_cert_sha256", from_tables_edges},
    {"chromium-blocked", "spki_sha256,known_cert_sha256", from_tables_blocked},
    {"chromium-interception", "spki_sha256,known", from_tables_blocked},
    {"onecrl-table", "type,issuer_or_subject_der_b64,serial_or_spki_sha256,enabled", from_tables_onecrl},
    {"caa-keys", "issuer_spki_sha256,caa_domains", from_tables_caa},
    {"apple-list", "apple_root_sha256,action", from_ccadb_apple},
    {"ccadb-caa", "Recognized CAA Domains", from_ccadb_caa},
    {"ccadb-certificates", "SHA-256 Fingerprint,X.509 Certificate (PEM)", from_ccadb_pems},
    {"ccadb-records", "SHA-256 Fingerprint,Revocation Status", from_ccadb_records},
    {"ccadb-roots", "SHA-256 Fingerprint,CA Owner,Certificate Name", from_ccadb_roots},
};

static void cut_off(struct catake_file *file)
{
    file->damaged = true;
    (void)snprintf(file->note, sizeof file->note, "it is cut off before its end");
}

static bool read_table(uint8_t *bytes, size_t len, struct catake *take, struct catake_file *file)
{
    struct csvread csv;
    if (!csvread_init(&csv, bytes, len))
        return false;
    for (size_t i = 0; i < countof(tables); i++) {
        if (!csvread_has(&csv, tables[i].columns))
            continue;
        (void)snprintf(file->form, sizeof file->form, "%s", tables[i].name);
        file->table = true;
        tables[i].read(&csv, take, file);
        if (csv.cut)
            cut_off(file);
        return true;
    }
    return false;
}

static bool is_pem(struct span text)
{
    static const char line[] = "-----BEGIN CERTIFICATE-----";
    struct span begin = span_part(text, 0, text.len < 65536 ? text.len : 65536);
    return begin.len >= sizeof line - 1 && memmem(begin.at, begin.len, line, sizeof line - 1) != NULL &&
           memmem(begin.at, begin.len, "SHA-256 Fingerprint", 19) == NULL;
}

/* A signed list that says that it is longer than the file. */
static bool is_short_der(struct span bytes)
{
    size_t octets = bytes.len > 1 && bytes.at[1] > 0x81 && bytes.at[1] < 0x85 ? bytes.at[1] & 0x7fu : 0;
    size_t len = 0;
    if (octets == 0 || bytes.len < 2 + octets)
        return false;
    for (size_t i = 0; i < octets; i++)
        len = len << 8 | bytes.at[2 + i];
    return len > bytes.len - 2 - octets;
}

static bool is_short_json(struct span text)
{
    while (text.len != 0 && text.at[text.len - 1] <= ' ')
        text.len--;
    return text.len != 0 && text.at[text.len - 1] != (text.at[0] == '{' ? '}' : ']');
}

static bool read_other(struct span text, struct catake *take, struct catake_file *file)
{
    const char *form = NULL;
    if (text.len == 0)
        return false;
    if (from_nss_is(text)) {
        form = "certdata";
        if (!from_nss_read(text, take, file))
            cut_off(file);
    } else if (from_chrome_is(text)) {
        form = "chrome-root-store";
        if (!from_chrome_read(text, take, file))
            cut_off(file);
    } else if (is_pem(text)) {
        form = "certificates";
        from_ccadb_bundle(text, take, file);
    } else if (text.at[0] == 0x30) {
        if (from_ctl_read(text, take, file))
            return true;
        form = is_short_der(text) ? "" : NULL;
        if (form != NULL) {
            catake_claim(take, builtin_roots_part(VERDICT_MICROSOFT));
            catake_claim(take, "microsoft.disallowed");
        }
    } else if (text.at[0] == '{' || text.at[0] == '[') {
        form = from_json_read(text, take, file) ? "onecrl" : is_short_json(text) ? "" : NULL;
        if (form != NULL)
            catake_claim(take, "onecrl");
    }
    if (form != NULL && form[0] == '\0')
        cut_off(file);
    if (form != NULL)
        (void)snprintf(file->form, sizeof file->form, "%s", form);
    return form != NULL;
}

/* A file that is taken takes the place of what was there. One in which much can not be read would leave less
 * of it, and is not taken. */
static void weigh(const struct catake *take, struct catake_file *file)
{
    uint64_t rows = file->taken + file->passed;
    if (file->damaged || file->unread == 0)
        return;
    file->thin = file->unread * UNREAD_PART > rows;
    file->damaged = !take->odd && file->thin;
    size_t len = file->table ? 0 : strlen(file->note);
    (void)snprintf(file->note + len, sizeof file->note - len,
                   "%s%" PRIu64 " of %" PRIu64 " %s can not be read, the first of them is %s %" PRIu64 "%s",
                   len == 0 ? "" : "; ", file->unread, rows, file->table ? "rows" : "entries",
                   file->table ? "row" : "entry", file->unread_row, file->table ? " below the header" : "");
}

/* Notes of one's own may lie beside the lists; what a download that failed leaves stands in the place of one.
 */
static bool is_page(struct span text)
{
    size_t at = 0;
    while (at < text.len && strchr(" \t\r\n", text.at[at]) != NULL && text.at[at] != '\0')
        at++;
    return at == text.len || text.at[at] == '<';
}

void caform_read(const char *name, uint8_t *bytes, size_t len, int64_t mtime_ms, struct catake *take)
{
    const struct catake_mark mark = catake_mark(take);
    struct catake_file *file = catake_file(take, name);
    file->dated_ms = mtime_ms;
    const bool page = is_page(span_of(bytes, len));
    if (!read_other(span_of(bytes, len), take, file) && !read_table(bytes, len, take, file)) {
        (void)snprintf(file->note, sizeof file->note, "not a form that is known");
        file->page = page;
    }
    weigh(take, file);
    if (!file->damaged)
        return;
    catake_rewind(take, &mark);
    file->taken = 0;
}
