// The rows of declarations/*.def with their C++ functions.
#include "operations.h"
#include "rushlight/ops/ops.h"

namespace rushlight::python {

#define RL_ROW(module, where, Result, name, doc, samples, ...)                                        \
  {                                                                                                   \
    using Function = Result (*)(RL_TYPES(__VA_ARGS__));                                               \
    Row row{module, #name, forms::where, #Result, #__VA_ARGS__, doc, samples,                         \
            reinterpret_cast<void*>(static_cast<Function>(&::rushlight::name)), invoker_of(static_cast<Function>(nullptr)), nullptr, nullptr}; \
    RL_IF_INPLACE(where, {                                                                            \
      using InPlace = const Tensor& (*)(RL_TYPES(__VA_ARGS__));                                       \
      row.in_place = reinterpret_cast<void*>(static_cast<InPlace>(&::rushlight::name##_));                         \
      row.invoke_in_place = invoker_of(static_cast<InPlace>(nullptr));                                \
    })                                                                                                \
    out.push_back(row);                                                                               \
  }

namespace {

// One function a table, so that no function has hundreds of temporaries.
void add_rows(std::vector<Row>& out) {
#define OP(where, Result, name, doc, samples, ...) RL_ROW("torch", where, Result, name, doc, samples, __VA_ARGS__)
#include "rushlight/declarations/all.def"
}

}  // namespace

const std::vector<Row>& rows() {
  static const std::vector<Row>& table = *new std::vector<Row>([] {
    std::vector<Row> out;
    add_rows(out);
    return out;
  }());
  return table;
}

}  // namespace rushlight::python
