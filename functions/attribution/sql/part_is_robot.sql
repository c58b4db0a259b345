-- Is a hit a robot's? By its own words, which its door has judged if its rules were the same; ordinary browsers, told apart first by
-- a pattern that costs little, have no agent_text. Of the weak signals (no language, a data centre's network, a screen that only
-- headless browsers have) two are needed: each alone has people.
                WHEN CASE
                    WHEN agent_verdict = :robot_verdict THEN TRUE
                    WHEN agent_verdict = :person_verdict THEN FALSE
                    WHEN user_agent IN ('', '-') THEN TRUE
                    WHEN NOT regexp_like(agent_text, :browser_pattern) THEN TRUE
                    ELSE regexp_like(agent_text, :robot_pattern)
                END THEN 'bot'
                WHEN via = 'tracker' AND (
                    CASE WHEN language IN ('', '-') THEN 1 ELSE 0 END
                    + CASE WHEN screen IN ('800x600', '0x0') THEN 1 ELSE 0 END
                    + CASE WHEN CAST(asn AS varchar) IN :datacentres THEN 1 ELSE 0 END
                ) > 1 THEN 'bot'
