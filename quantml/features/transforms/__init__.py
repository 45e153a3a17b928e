"""Transforms of features that are fitted inside each fold, on its purged training rows, and used on its test rows.

A study lists them in ``transforms=[...]``; they are fitted one after another, each on what those before it made of the
training rows. A transform is a declaration whose ``fit(train)`` returns a separate fitted object with
``transform(rows)``, or any scikit-learn transformer. Sample weights play no part in any of them.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "ClusterFeatures",
    "DropOutliers",
    "FTest",
    "FittedTransform",
    "FlagMissing",
    "GarchVolatility",
    "HiddenMarkovRegimes",
    "Impute",
    "Isolation",
    "Mean",
    "Median",
    "MutualInformation",
    "OneHot",
    "PcaResiduals",
    "PerDate",
    "PerSymbol",
    "Pooled",
    "PrincipalComponents",
    "RankScale",
    "RobustScale",
    "RobustZ",
    "SelectLasso",
    "SelectPermutation",
    "SelectRecursive",
    "SelectUnivariate",
    "Standardise",
    "TargetEncode",
    "Transform",
    "Transformer",
    "Winsorise",
    "as_transform",
]

if TYPE_CHECKING:
    from quantml.features.transforms.base import FittedTransform as FittedTransform
    from quantml.features.transforms.base import Transform as Transform
    from quantml.features.transforms.encoding import OneHot as OneHot
    from quantml.features.transforms.encoding import TargetEncode as TargetEncode
    from quantml.features.transforms.estimator import Transformer as Transformer
    from quantml.features.transforms.estimator import as_transform as as_transform
    from quantml.features.transforms.missing import FlagMissing as FlagMissing
    from quantml.features.transforms.missing import Impute as Impute
    from quantml.features.transforms.missing import Mean as Mean
    from quantml.features.transforms.missing import Median as Median
    from quantml.features.transforms.outliers import DropOutliers as DropOutliers
    from quantml.features.transforms.outliers import Isolation as Isolation
    from quantml.features.transforms.outliers import RobustZ as RobustZ
    from quantml.features.transforms.reduction import ClusterFeatures as ClusterFeatures
    from quantml.features.transforms.reduction import PrincipalComponents as PrincipalComponents
    from quantml.features.transforms.regimes import HiddenMarkovRegimes as HiddenMarkovRegimes
    from quantml.features.transforms.residuals import PcaResiduals as PcaResiduals
    from quantml.features.transforms.scaling import RankScale as RankScale
    from quantml.features.transforms.scaling import RobustScale as RobustScale
    from quantml.features.transforms.scaling import Standardise as Standardise
    from quantml.features.transforms.scaling import Winsorise as Winsorise
    from quantml.features.transforms.scopes import PerDate as PerDate
    from quantml.features.transforms.scopes import PerSymbol as PerSymbol
    from quantml.features.transforms.scopes import Pooled as Pooled
    from quantml.features.transforms.selection import FTest as FTest
    from quantml.features.transforms.selection import MutualInformation as MutualInformation
    from quantml.features.transforms.selection import SelectLasso as SelectLasso
    from quantml.features.transforms.selection import SelectPermutation as SelectPermutation
    from quantml.features.transforms.selection import SelectRecursive as SelectRecursive
    from quantml.features.transforms.selection import SelectUnivariate as SelectUnivariate
    from quantml.features.transforms.volatility import GarchVolatility as GarchVolatility
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ClusterFeatures": "reduction",
            "DropOutliers": "outliers",
            "FTest": "selection",
            "FittedTransform": "base",
            "FlagMissing": "missing",
            "GarchVolatility": "volatility",
            "HiddenMarkovRegimes": "regimes",
            "Impute": "missing",
            "Isolation": "outliers",
            "Mean": "missing",
            "Median": "missing",
            "MutualInformation": "selection",
            "OneHot": "encoding",
            "PcaResiduals": "residuals",
            "PerDate": "scopes",
            "PerSymbol": "scopes",
            "Pooled": "scopes",
            "PrincipalComponents": "reduction",
            "RankScale": "scaling",
            "RobustScale": "scaling",
            "RobustZ": "outliers",
            "SelectLasso": "selection",
            "SelectPermutation": "selection",
            "SelectRecursive": "selection",
            "SelectUnivariate": "selection",
            "Standardise": "scaling",
            "TargetEncode": "encoding",
            "Transform": "base",
            "Transformer": "estimator",
            "Winsorise": "scaling",
            "as_transform": "estimator",
        },
    )
