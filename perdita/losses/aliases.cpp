#include "perdita/losses/aliases.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "perdita/core/suggest.hpp"
#include "perdita/losses/list.hpp"

namespace perdita {

namespace {

using Alias = std::pair<std::string_view, std::string_view>;

// Without capitals, "_" and "-". Of Keras, scikit-learn, XGBoost, LightGBM, CatBoost, optax, torch and torchvision.
constexpr auto aliases = std::to_array<Alias>({
    // regression
    {"mae", "l1"},
    {"meanabsoluteerror", "l1"},
    {"absoluteerror", "l1"},
    {"reg:absoluteerror", "l1"},
    {"regressionl1", "l1"},
    {"mse", "mse"},
    {"meansquarederror", "mse"},
    {"squarederror", "mse"},
    {"reg:squarederror", "mse"},
    {"regression", "mse"},
    {"regressionl2", "mse"},
    {"l2", "mse"},
    {"rmse", "mse"},
    {"rootmeansquarederror", "mse"},
    {"meansquaredlogarithmicerror", "msle"},
    {"reg:squaredlogerror", "msle"},
    {"meanabsolutepercentageerror", "mape"},
    {"pinball", "quantile"},
    {"meanpinball", "quantile"},
    {"reg:quantileerror", "quantile"},
    {"reg:pseudohubererror", "pseudo_huber"},
    {"reg:logistic", "binary_cross_entropy_with_logits"},
    {"poisson", "poisson_nll"},
    {"count:poisson", "poisson_nll"},
    {"poissondeviance", "poisson_nll"},
    {"meanpoissondeviance", "poisson_nll"},
    {"gamma", "gamma_nll"},
    {"reg:gamma", "gamma_nll"},
    {"meangammadeviance", "gamma_nll"},
    {"reg:tweedie", "tweedie"},
    {"meantweediedeviance", "tweedie"},
    {"gaussian", "gaussian_nll"},
    {"normalnll", "gaussian_nll"},
    {"kl", "kl_div"},
    {"kld", "kl_div"},
    {"kldivergence", "kl_div"},
    {"kullbackleiblerdivergence", "kl_div"},
    // two classes
    {"bce", "binary_cross_entropy"},
    {"binarycrossentropy", "binary_cross_entropy"},
    {"bcewithlogits", "binary_cross_entropy_with_logits"},
    {"sigmoidcrossentropy", "binary_cross_entropy_with_logits"},
    {"sigmoidbinarycrossentropy", "binary_cross_entropy_with_logits"},
    {"sigmoidcrossentropywithlogits", "binary_cross_entropy_with_logits"},
    {"logistic", "binary_cross_entropy_with_logits"},
    {"binary", "binary_cross_entropy_with_logits"},
    {"binary:logistic", "binary_cross_entropy_with_logits"},
    {"binary:logitraw", "binary_cross_entropy_with_logits"},
    {"binarylogloss", "binary_cross_entropy_with_logits"},
    {"sigmoidfocal", "binary_focal"},
    {"binaryfocalcrossentropy", "binary_focal"},
    {"binary:hinge", "hinge"},
    {"asl", "asymmetric"},
    // classes
    {"ce", "cross_entropy"},
    {"log", "cross_entropy"},  // log_loss
    {"logloss", "cross_entropy"},
    {"mlogloss", "cross_entropy"},
    {"multilogloss", "cross_entropy"},
    {"multi:softmax", "cross_entropy"},
    {"multi:softprob", "cross_entropy"},
    {"multiclass", "cross_entropy"},
    {"multinomial", "cross_entropy"},
    {"softmax", "cross_entropy"},
    {"softmaxcrossentropy", "cross_entropy"},
    {"softmaxcrossentropywithlogits", "cross_entropy"},
    {"softmaxcrossentropywithintegerlabels", "cross_entropy"},
    {"categoricalcrossentropy", "cross_entropy"},
    {"sparsecategoricalcrossentropy", "cross_entropy"},
    {"labelsmoothing", "cross_entropy:label_smoothing=0.1"},
    {"labelsmoothingcrossentropy", "cross_entropy:label_smoothing=0.1"},
    {"negativeloglikelihood", "nll"},
    {"categoricalfocalcrossentropy", "focal"},
    {"categoricalhinge", "multi_margin"},
    {"poly", "poly_1"},
    {"gce", "generalized_cross_entropy"},
    {"sce", "symmetric_cross_entropy"},
    {"logitadjustment", "logit_adjusted"},
    // vectors, rankings, masks
    {"cosine", "cosine_embedding"},
    {"cosinesimilarity", "cosine_embedding"},
    {"cosinedistance", "cosine_embedding"},
    {"triplet", "triplet_margin"},
    {"ranking", "margin_ranking"},
    {"rank:pairwise", "margin_ranking"},
    {"softdice", "dice"},
    {"f1", "dice"},
    {"iou", "jaccard"},
    {"softiou", "jaccard"},
    {"lovaszsoftmax", "lovasz"},
    {"lovaszhinge", "lovasz"},
});

std::string plain(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '_' && c != '-' && c != ' ') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

std::string without_loss(std::string text) {
  constexpr std::string_view ending = "loss";
  if (text.size() > ending.size() && text.ends_with(ending)) text.resize(text.size() - ending.size());
  return text;
}

/// The loss of the list that is called so, for example by its class "BCEWithLogitsLoss".
std::string_view loss_called(std::string_view wanted) {
  std::string_view found;
#define PERDITA_CALLED(Loss, function, Module)                                                                  \
  for (const std::string_view name : {Loss::info.name, std::string_view(#function), std::string_view(#Module)}) \
    if (without_loss(plain(name)) == wanted) found = Loss::info.name;
  PERDITA_LOSSES(PERDITA_CALLED)
#undef PERDITA_CALLED
  return found;
}

}  // namespace

std::string meant_loss(std::string_view name) {
  const std::string wanted = without_loss(plain(name));
  const auto alias = std::ranges::find(aliases, std::string_view(wanted), &Alias::first);
  if (alias != aliases.end()) return std::string(alias->second);
  if (const std::string_view called = loss_called(wanted); !called.empty()) return std::string(called);
  std::vector<std::string_view> names;
  for_each_loss([&]<class Loss>(const Loss&) { names.push_back(Loss::info.name); });
  if (name.ends_with("_loss")) name.remove_suffix(5);
  return nearest_name(name, names);
}

}  // namespace perdita
