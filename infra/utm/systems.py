"""Ad systems: the tags by which our rules know them, and the macros that they fill in at the click. Data.

Listed is what the systems' own help, or two sources that know nothing of each other, say; what could not be verified is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


class Macro(NamedTuple):
    """`text` with its braces; `meaning` is one word for the same thing in every system, so that macros can be translated."""

    text: str
    meaning: str


class System(NamedTuple):
    """`campaign`, `content` and `term` fill the tags where the marketer says nothing; an empty `source` has to be told."""

    id: str
    name: str
    source: str
    medium: str
    campaign: str = ""
    content: str = ""
    term: str = ""
    macros: tuple[Macro, ...] = ()
    pattern: str = ""  # regular expression of the macros that carry a word of the advertiser's own
    landing_page: str = ""  # macro that stands for the landing page in a tracking template
    longest: int = 0  # bytes of a link, after which the system drops the tags; 0: not known
    is_open: bool = False  # a service of the marketer's own choice sends the links and may fill macros that nobody lists

    def knows(self, macro: str) -> bool:
        """Whether it fills this macro; the systems read names in either case."""
        return any(m.text.lower() == macro.lower() for m in self.macros) or bool(self.pattern and re.fullmatch(self.pattern, macro))

    def same_as(self, other: System, macro: str) -> str:
        """This system's macro for what `macro` means in the other one; empty where it has none."""
        meaning = next((m.meaning for m in other.macros if m.text.lower() == macro.lower()), "")
        return next((m.text for m in self.macros if m.meaning == meaning), "") if meaning else ""


def _macros(shape: str, names: str) -> tuple[Macro, ...]:
    """`names`: name=meaning, between spaces; `shape`: how a name is written, with * in its place."""
    pairs = (pair.split("=") for pair in names.split())
    return tuple(Macro(shape.replace("*", name), meaning) for name, meaning in pairs)


# Yandex Direct help, "URL parameters" (support/direct/statistics/url-tags; {param1} and {param2}: use-url-tags). A link over
# 4,096 bytes loses everything but yclid (same page). {addphrases} and {adtarget_name} are of older lists, still in use.
_YANDEX = _macros(
    "{*}",
    "campaign_id=campaign campaign_name=campaign_name campaign_name_lat=campaign_name campaign_type=campaign_type gbid=group "
    "ad_id=ad banner_id=ad creative_id=creative keyword=keyword phrase_id=keyword_id matched_keyword=matched_keyword "
    "match_type=match retargeting_id=audience adtarget_id=target adtarget_name=target_name coef_goal_context_id=audience_bid "
    "interest_id=interest addphrases=added_phrase source=place source_type=network position_type=block position=position "
    "device_type=device region_id=region region_name=region_name yclid=click param1=param1 param2=param2",
)
# Google Ads help 6305348 "Set up tracking with ValueTrack parameters" and the Google Ads API page "ValueTrack mapping".
_GOOGLE = _macros(
    "{*}",
    "campaignid=campaign adgroupid=group creative=ad keyword=keyword targetid=target matchtype=match network=network device=device "
    "devicemodel=device_model placement=place target=place_category adposition=position loc_physical_ms=region "
    "loc_interest_ms=region_interest feeditemid=extension extensionid=extension gclid=click random=random param1=param1 "
    "param2=param2 lpurl=page escapedlpurl=page lpurl+2=page lpurl+3=page",
)
# {ifmobile:text} and kin; {_name}: a custom parameter of the account.
_GOOGLE_OWN = r"\{(ifmobile|ifnotmobile|ifsearch|ifcontent):[^{}]*\}|\{_[A-Za-z0-9]{1,16}\}"
# VK Ads help, help/features/utm. There {{ad_plan_id}} is the campaign and {{campaign_id}} the ad group, a name that it keeps from
# myTarget (two independent sources of 2026); its own tags of links say utm_source=vk_ads.
_VK = _macros(
    "{{*}}",
    "ad_plan_id=campaign ad_plan_name=campaign_name campaign_id=group ad_group_id=group campaign_name=group_name "
    "ad_group_name=group_name banner_id=ad advertiser_id=account search_phrase=keyword geo=region gender=gender age=age "
    "impression_weekday=weekday impression_hour=hour user_timezone=time_zone random=random lead_form_id=form "
    "lead_form_name=form_name clickid=click",
)
# As VK Ads had them under its former name: {{campaign_id}} was the campaign.
_MYTARGET = _macros(
    "{{*}}",
    "campaign_id=campaign campaign_name=campaign_name banner_id=ad advertiser_id=account search_phrase=keyword geo=region "
    "gender=gender age=age impression_weekday=weekday impression_hour=hour user_timezone=time_zone random=random",
)
# Meta for Developers, "Use URL Tags for Tracking"; placement and site_source_name: Meta's URL parameter builder.
_META = _macros(
    "{{*}}",
    "campaign.id=campaign campaign.name=campaign_name adset.id=group adset.name=group_name ad.id=ad ad.name=ad_name "
    "placement=place site_source_name=network",
)
# TikTok Business help, "Supported macros": names between double underscores; an ad is CID, an ad group AID.
_TIKTOK = _macros(
    "__*__",
    "CAMPAIGN_ID=campaign CAMPAIGN_NAME=campaign_name AID=group AID_NAME=group_name CID=ad CID_NAME=ad_name PLACEMENT=place",
)
# Adobe Advertising documentation, "Click-tracking formats for Microsoft Advertising".
_MICROSOFT = _macros(
    "{*}",
    "CampaignId=campaign AdGroupId=group AdId=ad keyword=keyword TargetId=target MatchType=match device=device "
    "loc_physical_ms=region loc_interest_ms=region_interest adextensionid=extension msclkid=click lpurl=page",
)
# Avito Ads help, creative/links (two independent sources of 2026).
_AVITO = _macros("{*}", "campaign_id=campaign adgroup_id=group ad_id=ad banner_id=ad price_model=price_model click_id=click")

_ALL = (
    System("yandex_direct", "Yandex Direct", "yandex", "cpc", "{campaign_id}", "{ad_id}", "{keyword}", _YANDEX, longest=4096),
    System("google_ads", "Google Ads", "google", "cpc", "{campaignid}", "{creative}", "{keyword}", _GOOGLE, _GOOGLE_OWN, "{lpurl}"),
    System("vk_ads", "VK Ads", "vk", "cpc", "{{ad_plan_id}}", "{{banner_id}}", "", _VK),
    System("mytarget", "myTarget", "mytarget", "cpc", "{{campaign_id}}", "{{banner_id}}", "", _MYTARGET),
    # Telegram Ads fills nothing in: campaigns and ads are named by hand.
    System("telegram_ads", "Telegram Ads", "telegram", "cpc"),
    System("avito", "Avito Ads", "avito", "cpc", "{campaign_id}", "{ad_id}", "", _AVITO),
    System("meta_ads", "Meta Ads", "facebook", "cpc", "{{campaign.id}}", "{{ad.id}}", "", _META),
    System("tiktok_ads", "TikTok Ads", "tiktok", "cpc", "__CAMPAIGN_ID__", "__CID__", "", _TIKTOK),
    System(
        "microsoft_ads", "Microsoft Ads", "bing", "cpc", "{CampaignId}", "{AdId}", "{keyword}", _MICROSOFT, landing_page="{lpurl}"
    ),
    System("email", "E-mail", "email", "email", is_open=True),
    System("sms", "SMS", "sms", "sms", is_open=True),
    System("social", "Post", "", "social"),
    System("qr", "QR code", "", "qr"),
    System("offline", "Print and outdoor", "", "offline"),
)
SYSTEMS: Mapping[str, System] = {system.id: system for system in _ALL}
