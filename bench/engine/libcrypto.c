/*
 * The C side of the engine's benchmark: S/MIME by libcrypto's own functions, in process, with chain validation on each reading.
 * Usage: libcrypto FOLDER. A line "OPERATION COUNT" on standard input is answered with the processor time of one operation in
 * milliseconds. FOLDER holds certificate.pem, key.pem, intermediate.pem, root.pem, header, entity, and cbc.eml and gcm.eml to open.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

static X509 *certificate, *intermediate;
static EVP_PKEY *key;
static STACK_OF(X509) *chain, *recipients;
static X509_STORE *store;
static char *header, *entity, *cbc, *gcm;
static long header_length, entity_length, cbc_length, gcm_length;

static void fail(const char *what)
{
    fprintf(stderr, "libcrypto: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static char *load(const char *folder, const char *name, long *length)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail(path);
    *length = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)*length + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)*length, file) != (size_t)*length)
        fail(path);
    fclose(file);
    return bytes;
}

static X509 *load_certificate(const char *folder, const char *name)
{
    long length;
    char *bytes = load(folder, name, &length);
    BIO *bio = BIO_new_mem_buf(bytes, (int)length);
    X509 *read = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (read == NULL)
        fail(name);
    BIO_free(bio);
    free(bytes);
    return read;
}

/* A clear-signed entity, as SMIME_write_CMS writes it. */
static BIO *signed_entity(void)
{
    BIO *in = BIO_new_mem_buf(entity, (int)entity_length);
    BIO *out = BIO_new(BIO_s_mem());
    int flags = CMS_DETACHED | CMS_STREAM | CMS_BINARY | CMS_CRLFEOL;
    CMS_ContentInfo *cms = CMS_sign(certificate, key, chain, in, flags);
    if (cms == NULL || SMIME_write_CMS(out, cms, in, flags) != 1)
        fail("sign");
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    return out;
}

static void sign_mail(void)
{
    BIO *out = signed_entity();
    BIO *mail = BIO_new(BIO_s_mem());
    char *bytes;
    long length = BIO_get_mem_data(out, &bytes);
    BIO_write(mail, header, (int)header_length);
    BIO_write(mail, bytes, (int)length);
    BIO_free(mail);
    BIO_free(out);
}

static BIO *encrypted_mail(const EVP_CIPHER *cipher)
{
    BIO *inner = signed_entity();
    BIO *mail = BIO_new(BIO_s_mem());
    int flags = CMS_STREAM | CMS_BINARY | CMS_CRLFEOL;
    CMS_ContentInfo *cms = CMS_encrypt(recipients, inner, cipher, flags);
    BIO_write(mail, header, (int)header_length);
    if (cms == NULL || SMIME_write_CMS(mail, cms, inner, flags) != 1)
        fail("encrypt");
    CMS_ContentInfo_free(cms);
    BIO_free(inner);
    return mail;
}

static void open_mail(const char *bytes, long length)
{
    BIO *in = BIO_new_mem_buf(bytes, (int)length);
    BIO *plain = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    BIO *content = NULL;
    CMS_ContentInfo *outer = SMIME_read_CMS(in, NULL);
    if (outer == NULL || CMS_decrypt(outer, key, certificate, NULL, plain, CMS_BINARY) != 1)
        fail("decrypt");
    CMS_ContentInfo *inner = SMIME_read_CMS(plain, &content);
    if (inner == NULL || CMS_verify(inner, NULL, store, content, out, 0) != 1)
        fail("verify");
    char *shown;
    if (BIO_get_mem_data(out, &shown) != entity_length)
        fail("another content came out");
    CMS_ContentInfo_free(inner);
    CMS_ContentInfo_free(outer);
    BIO_free(content);
    BIO_free(out);
    BIO_free(plain);
    BIO_free(in);
}

static void run(const char *operation)
{
    if (strcmp(operation, "sign") == 0)
        sign_mail();
    else if (strcmp(operation, "encrypt-cbc") == 0)
        BIO_free(encrypted_mail(EVP_aes_256_cbc()));
    else if (strcmp(operation, "encrypt-gcm") == 0)
        BIO_free(encrypted_mail(EVP_aes_256_gcm()));
    else if (strcmp(operation, "open-cbc") == 0)
        open_mail(cbc, cbc_length);
    else if (strcmp(operation, "open-gcm") == 0)
        open_mail(gcm, gcm_length);
    else
        fail(operation);
}

static double processor_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        fail("usage: libcrypto FOLDER");
    /* Growing buffers stay in the heap: no page is given back and faulted in anew for each mail. */
    mallopt(M_MMAP_THRESHOLD, 1 << 26);
    mallopt(M_TRIM_THRESHOLD, 1 << 28);
    long length;
    char *pem = load(argv[1], "key.pem", &length);
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    certificate = load_certificate(argv[1], "certificate.pem");
    intermediate = load_certificate(argv[1], "intermediate.pem");
    header = load(argv[1], "header", &header_length);
    entity = load(argv[1], "entity", &entity_length);
    cbc = load(argv[1], "cbc.eml", &cbc_length);
    gcm = load(argv[1], "gcm.eml", &gcm_length);
    chain = sk_X509_new_null();
    sk_X509_push(chain, intermediate);
    recipients = sk_X509_new_null();
    sk_X509_push(recipients, certificate);
    store = X509_STORE_new();
    X509_STORE_add_cert(store, load_certificate(argv[1], "root.pem"));
    X509_STORE_set_purpose(store, X509_PURPOSE_SMIME_SIGN);
    if (key == NULL || store == NULL)
        fail("set-up");
    char operation[32];
    int count;
    while (scanf("%31s %d", operation, &count) == 2) {
        if (strcmp(operation, "version") == 0) {
            printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
        } else {
            double start = processor_ms();
            for (int i = 0; i < count; i++)
                run(operation);
            printf("%.6f\n", (processor_ms() - start) / count);
        }
        fflush(stdout);
    }
    return 0;
}
