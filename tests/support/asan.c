/* What AddressSanitizer is told in a node's programs, which get no variables: an interpreter that ends keeps what it has. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
