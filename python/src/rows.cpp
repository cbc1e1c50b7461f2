// The rows of declarations/*.def with their C++ functions.
#include <cstring>

#include "operations.h"
#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::python {

#define RL_ROW(module, scope, where, Result, name, doc, samples, ...)                \
  {                                                                                  \
    using Function = Result (*)(RL_TYPES(__VA_ARGS__));                              \
    Row row{module,                                                                  \
            #name,                                                                   \
            forms::where,                                                            \
            #Result,                                                                 \
            #__VA_ARGS__,                                                            \
            doc,                                                                     \
            samples,                                                                 \
            reinterpret_cast<void*>(static_cast<Function>(&scope::name)),            \
            invoker_of(static_cast<Function>(nullptr)),                              \
            nullptr,                                                                 \
            nullptr};                                                                \
    RL_IF_INPLACE(where, {                                                           \
      using InPlace = const Tensor& (*)(RL_TYPES(__VA_ARGS__));                      \
      row.in_place = reinterpret_cast<void*>(static_cast<InPlace>(&scope::name##_)); \
      row.invoke_in_place = invoker_of(static_cast<InPlace>(nullptr));               \
    })                                                                               \
    out.push_back(row);                                                              \
  }

namespace {

// One function a table, so that no function has hundreds of temporaries.
void add_rows(std::vector<Row>& out) {
#define OP(where, Result, name, doc, samples, ...) \
  RL_ROW("torch", ::rushlight, where, Result, name, doc, samples, __VA_ARGS__)
#include "rushlight/declarations/all.def"
}

void add_functional_rows(std::vector<Row>& out) {
#define NN(Result, name, doc, samples, ...) \
  RL_ROW("torch.nn.functional", ::rushlight::nn::functional, F, Result, name, doc, samples, __VA_ARGS__)
#include "rushlight/declarations/nn.def"
}

void add_init_rows(std::vector<Row>& out) {
#define INIT(Result, name, doc, samples, ...) \
  RL_ROW("torch.nn.init", ::rushlight::nn::init, F, Result, name, doc, samples, __VA_ARGS__)
#include "rushlight/declarations/init.def"
}

void add_special_rows(std::vector<Row>& out) {
#define OP(...)
#define SPECIAL(Result, name, doc, samples, ...) \
  RL_ROW("torch.special", ::rushlight::special, FO, Result, name, doc, samples, __VA_ARGS__)
#include "rushlight/declarations/formulas.def"
#undef OP
}

void add_methods(std::vector<Row>& out) {
#define OP(...)
#define METHOD(Result, name, doc, samples, ...) \
  RL_ROW("torch", ::rushlight::methods, M, Result, name, doc, samples, __VA_ARGS__)
#include "rushlight/declarations/formulas.def"
#undef OP
}

// The rows of `target` once more, under another name. A target `name_` is the in-place form of `name`.
void add_alias(std::vector<Row>& out, const char* module, const char* name, const std::string& target) {
  const size_t count = out.size();
  for (size_t i = 0; i < count; ++i) {
    Row row = out[i];
    const bool in_place = row.in_place && row.name + std::string("_") == target;
    if ((row.name != target && !in_place) || std::strcmp(row.module, "torch") != 0) continue;
    row.module = module;
    row.name = name;
    if (std::strcmp(module, "torch") != 0) row.where &= kFunction | kOut;
    if (row.where == 0) continue;  // a method, and other modules have none
    if (in_place) {
      row.where = kFunction;
      row.result = "Self";
      row.samples = "";
      row.function = row.in_place;
      row.invoke = row.invoke_in_place;
    }
    out.push_back(row);
  }
}

void add_aliases(std::vector<Row>& out) {
#define RL_MODULE_torch "torch"
#define RL_MODULE_special "torch.special"
#define RL_MODULE_nn "torch.nn.functional"
#define ALIAS(module, name, target) add_alias(out, RL_MODULE_##module, #name, #target);
#include "rushlight/declarations/alias.def"
}

// Functions of torch.nn.functional that torch has too.
void add_shared(std::vector<Row>& out, const char* name) {
  const size_t count = out.size();
  for (size_t i = 0; i < count; ++i) {
    if (std::strcmp(out[i].name, name) != 0 || std::strcmp(out[i].module, "torch.nn.functional") != 0)
      continue;
    Row row = out[i];
    row.module = "torch";
    out.push_back(row);
  }
}

void add_shared_rows(std::vector<Row>& out) {
#define SHARED(name) add_shared(out, #name);
#include "rushlight/declarations/nn_shared.def"
}

}  // namespace

const std::vector<Row>& rows() {
  static const std::vector<Row>& table = *new std::vector<Row>([] {
    std::vector<Row> out;
    add_rows(out);
    add_methods(out);
    add_functional_rows(out);
    add_init_rows(out);
    add_shared_rows(out);
    add_special_rows(out);
    add_aliases(out);
    return out;
  }());
  return table;
}

}  // namespace rushlight::python
