// Included inside a function: for each formula of the declarations the RL_CASE_UNARY, RL_CASE_BINARY,
// RL_CASE_TERNARY or RL_CASE_MASKED(Formula, Types) that the includer defined, and which end here.
#define UNARY(where, name, Formula, Types, ...) RL_CASE_UNARY(Formula, Types)
#define BINARY(where, name, Formula, Types, ...) RL_CASE_BINARY(Formula, Types)
#define FORMULA(arity, Formula, Types, Result) RL_CASE_##arity(Formula, Types)
#define OP(...)
#include "rushlight/declarations/formulas.def"
#undef OP
#undef RL_CASE_UNARY
#undef RL_CASE_BINARY
#undef RL_CASE_TERNARY
#undef RL_CASE_MASKED
