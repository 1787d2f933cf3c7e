#include "cli/certout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define LINE 48 /* bytes of a line of PEM: 64 digits */

enum err_code certout_open(struct certout *out, enum certout_form form, const char *path, struct err *why)
{
    *out = (struct certout){.form = form, .path = path, .file = stdout};
    if (form == CERTOUT_NONE)
        return ERR_OK;
    if (path == NULL && form == CERTOUT_DER && isatty(STDOUT_FILENO) == 1)
        return err_set(why, ERR_USAGE,
                       "--der: bytes that are no text, and standard output is a terminal; --out "
                       "FILE writes them to a file, --pem is text");
    if (path == NULL)
        return ERR_OK;
    must(asprintf(&out->beside, "%s.XXXXXX", path) >= 0);
    int fd = mkostemp(out->beside, O_CLOEXEC);
    out->file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (out->file != NULL && fchmod(fd, 0644) == 0)
        return ERR_OK;
    enum err_code code = err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        (void)unlink(out->beside);
    if (out->file != NULL)
        (void)fclose(out->file);
    else if (fd >= 0)
        (void)close(fd);
    free(out->beside);
    out->beside = NULL;
    out->form = CERTOUT_NONE;
    return code;
}

/* The certificate of a view; a bare TBSCertificate where there is no other. */
static struct span certout_bytes(const struct certview *view, bool *bare)
{
    bool precert = view->entry != NULL && view->entry->kind == ENTRY_PRECERT;
    struct span der = precert && view->sha256 != NULL ? view->entry->unverified_precert : view->cert->der;

    *bare = der.len == 0;
    return *bare ? view->cert->tbs : der;
}

static void certout_pem(FILE *file, struct span der)
{
    char line[LINE / 3 * 4 + 4];

    fputs("-----BEGIN CERTIFICATE-----\n", file);
    for (size_t at = 0; at < der.len; at += LINE) {
        size_t end = at + LINE < der.len ? at + LINE : der.len;
        (void)text_base64(span_part(der, at, end), line);
        fprintf(file, "%s\n", line);
    }
    fputs("-----END CERTIFICATE-----\n", file);
}

void certout_put(struct certout *out, const struct certview *view)
{
    bool bare;
    struct span der = certout_bytes(view, &bare);

    if (out->why.code != ERR_OK)
        return;
    if (der.len == 0)
        (void)err_set(&out->why, ERR_FORMAT, "%s: there is no certificate in it to write", view->place->file);
    else if (bare && out->form == CERTOUT_PEM)
        (void)err_set(&out->why, ERR_FORMAT,
                      "%s: there is a TBSCertificate alone, and no PEM for that; --der writes it",
                      view->place->file);
    else if (out->form == CERTOUT_PEM)
        certout_pem(out->file, der);
    else
        (void)fwrite(der.at, 1, der.len, out->file);
}

enum err_code certout_close(struct certout *out, bool good, struct err *why)
{
    enum err_code code = out->why.code;

    if (out->form == CERTOUT_NONE)
        return ERR_OK;
    if (code != ERR_OK)
        *why = out->why;
    bool written = out->path == NULL ? fflush(out->file) == 0 : fclose(out->file) == 0;
    if (code == ERR_OK && !written)
        code = err_set(why, ERR_SYSTEM, "%s: %s", out->path == NULL ? "standard output" : out->path,
                       strerror(errno));
    if (out->path == NULL)
        return code;
    good = good && code == ERR_OK;
    if (good && rename(out->beside, out->path) != 0)
        code = err_set(why, ERR_SYSTEM, "%s: %s", out->path, strerror(errno));
    if (!good || code != ERR_OK)
        (void)unlink(out->beside);
    free(out->beside);
    return code;
}
